// The verbs of the command, one file each. A verb adds its subcommand and flags to the parser; when
// it is the one called, its callback fills in `action`, which main() then runs.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>

namespace hourglass::tools {

/// What main() knows and verbs need.
struct Invocation {
  std::chrono::steady_clock::time_point started;
  std::function<int()> action;  // returns the exit code
};

void add_data(CLI::App& app, Invocation& invocation);
void add_train(CLI::App& app, Invocation& invocation);
void add_eval(CLI::App& app, Invocation& invocation);
void add_encode(CLI::App& app, Invocation& invocation);
void add_decode(CLI::App& app, Invocation& invocation);
void add_reconstruct(CLI::App& app, Invocation& invocation);
void add_info(CLI::App& app, Invocation& invocation);
void add_doctor(CLI::App& app, Invocation& invocation);
void add_bench(CLI::App& app, Invocation& invocation);

}  // namespace hourglass::tools
