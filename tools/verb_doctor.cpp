// hourglass doctor
#include <cstdio>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "doctor_checks.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

void print_json(const std::vector<DoctorCheck>& checks) {
  nlohmann::ordered_json object;
  for (const DoctorCheck& check : checks) {
    object[check.group][check.name] = check.value;
    if (!check.advice.empty())
      object["advice"].push_back({{"about", check.name}, {"do", check.advice}});
  }
  if (!object.contains("advice")) object["advice"] = nlohmann::ordered_json::array();
  std::printf("%s\n", object.dump().c_str());
}

void print_table(const std::vector<DoctorCheck>& checks) {
  std::string group;
  for (const DoctorCheck& check : checks) {
    if (check.group != group) std::printf("%s%s\n", group.empty() ? "" : "\n", check.group.c_str());
    group = check.group;
    std::printf("  %-18s  %s\n", check.name.c_str(), check.value.c_str());
  }
  std::printf("\nwhat to do\n");
  bool any = false;
  for (const DoctorCheck& check : checks) {
    if (check.advice.empty()) continue;
    std::printf("  %-18s  %s\n", check.name.c_str(), check.advice.c_str());
    any = true;
  }
  if (!any) std::printf("  nothing\n");
}

int doctor_verb(bool json) {
  std::vector<DoctorCheck> checks;
  for (const auto check : {check_processor, check_libraries, check_gpu, check_data}) {
    std::vector<DoctorCheck> found = check();
    std::move(found.begin(), found.end(), std::back_inserter(checks));
  }
  if (json)
    print_json(checks);
  else
    print_table(checks);
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, Invocation& invocation) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb =
      app.add_subcommand("doctor", "Say what this machine has, and what to do about the rest");
  verb->add_flag("--json", *json, "print one JSON object");
  verb->callback(
      [json, &invocation] { invocation.action = [json] { return doctor_verb(*json); }; });
}

}  // namespace hourglass::tools
