// Runs tools/fetch_mnist.py.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "hourglass/data.h"

namespace hourglass {
namespace {

namespace fs = std::filesystem;

constexpr const char* script_name = "fetch_mnist.py";

std::string find_script() {
  std::vector<fs::path> folders;
  if (const char* set = std::getenv("HOURGLASS_TOOLS_DIR")) folders.emplace_back(set);
  folders.emplace_back(HOURGLASS_TOOLS_DIR);
  std::error_code error;
  const fs::path executable = fs::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back(executable.parent_path().parent_path() / "tools");
  for (const fs::path& folder : folders)
    if (fs::exists(folder / script_name, error)) return (folder / script_name).string();
  throw DataError(Finding{script_name, "the script that fetches MNIST in " + folders[0].string(),
                          "no such file", "Set HOURGLASS_TOOLS_DIR to the folder that holds it."});
}

/// Runs a program, waits for it and returns its wait status.
int run(std::vector<std::string> arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(), environ);
  if (error == ENOENT)
    throw DataError(Finding{arguments[0], "Python 3 to fetch MNIST with", "no such program",
                            "Install the package python3."});
  if (error != 0)
    throw DataError(Finding{arguments[0], "Python 3 to fetch MNIST with",
                            std::generic_category().message(error), "Check the installation."});
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
  return status;
}

}  // namespace

void fetch_mnist(const std::string& directory, bool force) {
  std::vector<std::string> arguments{"python3", find_script(), directory};
  if (force) arguments.emplace_back("--force");
  const int status = run(arguments);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const std::string found = WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                              : "signal " + std::to_string(WTERMSIG(status));
  throw DataError(Finding{directory, "MNIST's four files fetched", found + " of " + script_name,
                          "Its lines above say why. Without a network, set HOURGLASS_DATA_DIR to a "
                          "folder with the files, or use the built-in set: --data strokes."});
}

}  // namespace hourglass
