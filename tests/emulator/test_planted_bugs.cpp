// Every planted bug is noticed: by a wrong result, a fault or a sanitizer, under at least one of 20
// schedules; the right program is not suspected under any.
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.h"

namespace {

constexpr std::uint64_t bug_seeds = 20;

enum class Build { plain, address, thread };
#if defined(__SANITIZE_ADDRESS__)
constexpr Build build = Build::address;
#elif defined(__SANITIZE_THREAD__)
constexpr Build build = Build::thread;
#else
constexpr Build build = Build::plain;
#endif

struct Outcome {
  int exit_code;  ///< -1 if a signal ended it
  std::string output;
};

Outcome run_program(const std::string& arguments) {
  const std::string command = std::string(HOURGLASS_PLANTED_BUGS) + ' ' + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string output;
  std::array<char, 4096> buffer;
  std::size_t count = 0;
  while ((count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
    output.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

struct Planted {
  const char* name;
  const char* fault;  ///< part of the fault's text; "" where the result is wrong instead
};

// Those that every build notices.
constexpr std::array planted{
    Planted{"missing_barrier", ""},
    Planted{"transpose_missing_barrier", ""},
    Planted{"missing_second_barrier", ""},
    Planted{"missing_warp_barrier", ""},
    Planted{"barrier_in_branch", "__syncthreads"},
    Planted{"different_barriers", "threads of a block wait at different barriers"},
    Planted{"return_before_barrier", "exit"},
    Planted{"mask_lacks_lanes", "lacks the calling lane"},
    Planted{"mask_names_exited_lane", "exit"},
    Planted{"different_warp_calls", "meet at different calls"},
    Planted{"warp_waits_for_barrier", "deadlock"},
    Planted{"read_past_end", ""},
    Planted{"read_into_guard_page", "0 bytes past the end of a device allocation of 4096 bytes"},
    Planted{"write_past_end", "wrote just past the end of a device allocation"},
    Planted{"write_before_begin", "wrote just before a device allocation"},
    Planted{"shared_past_end", ""},
    Planted{"dynamic_past_end", "outside the block's dynamic shared memory"},
    Planted{"unwritten_shared", ""},
    Planted{"edge_not_filled", ""},
    Planted{"stack_overflow", "stack is full"},
    Planted{"missing_event_wait", ""},
    Planted{"event_recorded_too_early", ""},
    Planted{"wrong_stream", ""},
    Planted{"pinned_memory_read_too_early", ""},
    Planted{"pinned_memory_written_too_early", ""},
    Planted{"host_touches_device_memory", ""},
    Planted{"kernel_gets_host_pointer", "which a GPU cannot reach"},
    Planted{"kernel_uses_freed_memory", "of a freed device allocation"},
    Planted{"device_memory_never_written", ""},
    Planted{"stale_graph_argument", ""},
};

/// The first schedule that gives the bug away; fails the test if none does.
void check_noticed(const Planted& bug) {
  CAPTURE(bug.name);
  for (std::uint64_t seed = 0; seed < bug_seeds; ++seed) {
    const Outcome outcome = run_program(std::string(bug.name) + ' ' + std::to_string(seed));
    if (outcome.exit_code == 0) continue;
    CAPTURE(outcome.output);
    if (outcome.output.rfind("fault: ", 0) == 0) {
      CHECK(*bug.fault != '\0');
      CHECK(outcome.output.find(bug.fault) != std::string::npos);
    }
    return;
  }
  FAIL("not noticed under any schedule");
}

}  // namespace

TEST_CASE("planted bugs are noticed") {
  for (const Planted& bug : planted) check_noticed(bug);
}

TEST_CASE("bugs for which a sanitizer is needed are noticed with it") {
  if (build == Build::address) check_noticed({"misaligned", ""});
  if (build == Build::thread) {
    check_noticed({"missing_fence", ""});
    check_noticed({"missing_atomic", ""});
  }
  const Outcome all = run_program("--list");
  // The right program and these three are the only ones that not every build notices.
  const auto names = std::count(all.output.begin(), all.output.end(), '\n');
  CHECK(static_cast<std::size_t>(names) == planted.size() + 4);
}

TEST_CASE("the right program is not suspected") {
  for (std::uint64_t seed = 0; seed < bug_seeds; ++seed) {
    const Outcome outcome = run_program("none " + std::to_string(seed));
    CAPTURE(seed, outcome.output);
    CHECK(outcome.exit_code == 0);
  }
}

TEST_CASE("ThreadSanitizer does not depend on the order to see a missing wait") {
  if (build != Build::thread) {
    SUCCEED("only a build with ThreadSanitizer can show this");
    return;
  }
  for (const char* name : {"missing_barrier", "missing_event_wait", "missing_fence"}) {
    const Outcome outcome = run_program(std::string(name) + " 0");
    CAPTURE(name, outcome.output);
    CHECK(outcome.output.find("ThreadSanitizer: data race") != std::string::npos);
  }
}
