// Runs the real binary, as a user would.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace hourglass::test {

using Words = std::vector<std::string>;

struct CommandResult {
  int exit_code = 0;  // 128 + N when signal N ended it
  std::string out;
  std::string err;
};

/// A program that runs beside the test, its output going to files. The destructor kills it.
class Process {
 public:
  /// `environment`: NAME=VALUE, added to the test's own. Throws std::runtime_error.
  explicit Process(const Words& words, const Words& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  /// What it has written to stderr so far.
  [[nodiscard]] std::string err_so_far() const;
  [[nodiscard]] CommandResult wait();

 private:
  pid_t child_ = 0;  // 0: has been waited for
  std::filesystem::path out_;
  std::filesystem::path err_;
};

/// Runs a program to its end.
[[nodiscard]] CommandResult run_command(const Words& words, const Words& environment = {});

/// The command under test and its words: HOURGLASS_BINARY if set, else the one built.
[[nodiscard]] Words hourglass_command(const Words& words);
[[nodiscard]] CommandResult hourglass(const Words& words, const Words& environment = {});

}  // namespace hourglass::test
