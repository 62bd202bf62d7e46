// The command `hourglass`: parses, runs one verb, and turns errors into exit codes.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "hourglass/error.h"
#include "hourglass/version.h"
#include "usage.h"
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
  check_numbers(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const CLI::App& inner = innermost(app);
    std::fputs((inner.help(parents(inner)) + "\n").c_str(), stdout);
    return 0;
  } catch (const CLI::CallForVersion&) {
    std::printf("hourglass %s\n", std::string(version()).c_str());
    return 0;
  } catch (const CLI::ParseError& error) {
    return fail(usage_message(app, error), ExitCode::usage);
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
