#include "support/command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace hourglass::test {
namespace {

std::filesystem::path temporary_file() {
  std::string name = (std::filesystem::temp_directory_path() / "hourglass-out-XXXXXX").string();
  const int descriptor = mkstemp(name.data());
  if (descriptor < 0) throw std::runtime_error("mkstemp failed: " + name);
  close(descriptor);
  return name;
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<char*> pointers(Words& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Process::Process(const Words& words, const Words& environment)
    : out_(temporary_file()), err_(temporary_file()) {
  Words arguments = words;
  Words variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable = *entry;
    const std::string name = variable.substr(0, variable.find('=') + 1);
    bool replaced = false;
    for (const std::string& added : environment) replaced |= added.starts_with(name);
    if (!replaced) variables.push_back(variable);
  }
  variables.insert(variables.end(), environment.begin(), environment.end());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out_.c_str(), O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err_.c_str(), O_WRONLY, 0);
  const int error = posix_spawnp(&child_, arguments[0].c_str(), &actions, nullptr,
                                 pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("cannot run " + words[0]);
}

Process::~Process() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove(out_, ignored);
  std::filesystem::remove(err_, ignored);
}

void Process::send(int signal) const {
  if (child_ > 0) kill(child_, signal);
}

std::string Process::err_so_far() const { return contents(err_); }

CommandResult Process::wait() {
  int status = 0;
  while (waitpid(child_, &status, 0) < 0)
    if (errno != EINTR) throw std::runtime_error("waitpid failed");
  child_ = 0;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, contents(out_), contents(err_)};
}

CommandResult run_command(const Words& words, const Words& environment) {
  return Process(words, environment).wait();
}

Words hourglass_command(const Words& words) {
  const char* named = std::getenv("HOURGLASS_BINARY");
  Words all{named == nullptr ? HOURGLASS_BINARY : named};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

CommandResult hourglass(const Words& words, const Words& environment) {
  return run_command(hourglass_command(words), environment);
}

}  // namespace hourglass::test
