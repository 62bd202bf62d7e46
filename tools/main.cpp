// The command `hourglass`: parses, runs one verb, and turns errors into exit codes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "hourglass/error.h"
#include "hourglass/nearest.h"
#include "hourglass/version.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

constexpr const char* footer =
    "Exit codes: 0 ok, 1 internal or I/O, 2 usage, 3 data missing or damaged, 4 bad model file,\n"
    "5 device not there, 6 diverged, 7 quality gate failed, 130 and 143 stopped by a signal.\n"
    "Results go to stdout, narration to stderr. `hourglass VERB --help` lists a verb's flags.";

int fail(const std::string& message, ExitCode code) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return static_cast<int>(code);
}

/// The subcommand that was being parsed, however deep.
const CLI::App& innermost(const CLI::App& app) {
  for (const CLI::App* sub : app.get_subcommands()) return innermost(*sub);
  return app;
}

/// "hourglass data" for the subcommand `fetch`: what stands before its name.
std::string parents(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) return "";
  const std::string before = parents(*parent);
  return before + (before.empty() ? "" : " ") + parent->get_name();
}

/// "hourglass data fetch"
std::string full_name(const CLI::App& app) {
  const std::string before = parents(app);
  return before + (before.empty() ? "" : " ") + app.get_name();
}

/// "unknown flag '--sed'. Did you mean '--seed'?" for the first word that was not understood.
std::string unknown_word(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  if (word.starts_with("-")) {
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  } else {
    for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  }
  const std::string flag = word.substr(0, word.find('='));
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  std::string message =
      (word.starts_with("-") ? "unknown flag '" : "unexpected word '") + flag + "'.";
  if (const auto near = nearest_name(flag, candidates); !near.empty())
    message += " Did you mean '" + std::string(near) + "'?";
  return message + " See `" + full_name(app) + " --help`.";
}

int run(int argc, char** argv) {
  Invocation invocation;
  invocation.started = std::chrono::steady_clock::now();
  CLI::App app("hourglass trains deep autoencoders.", "hourglass");
  app.set_version_flag("--version", std::string(version()));
  app.footer(footer);
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  for (const auto add : {add_data, add_train, add_eval, add_encode, add_decode, add_reconstruct,
                         add_info, add_doctor, add_bench})
    add(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const CLI::App& inner = innermost(app);
    std::fputs(inner.help(parents(inner)).c_str(), stdout);
    return 0;
  } catch (const CLI::CallForVersion&) {
    std::printf("hourglass %s\n", std::string(version()).c_str());
    return 0;
  } catch (const CLI::ParseError& error) {
    const CLI::App& inner = innermost(app);
    const std::vector<std::string> extras = app.remaining(true);
    if (!extras.empty()) return fail(unknown_word(inner, extras.front()), ExitCode::usage);
    return fail(std::string(error.what()) + ". See `" + full_name(inner) + " --help`.",
                ExitCode::usage);
  }
  const int status = invocation.action();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail("the result could not be written to stdout", ExitCode::internal);
  return status;
}

}  // namespace
}  // namespace hourglass::tools

int main(int argc, char** argv) {
  using namespace hourglass;
  try {
    return tools::run(argc, argv);
  } catch (const Error& error) {
    return tools::fail(error.what(), error.code());
  } catch (const std::bad_alloc&) {
    return tools::fail("out of memory. Try a smaller --batch or smaller --widths.",
                       ExitCode::internal);
  } catch (const std::exception& error) {
    return tools::fail(std::string("internal: ") + error.what(), ExitCode::internal);
  }
}
