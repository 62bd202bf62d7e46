// What a profiler is shown: the steps asked for, and names for every part of a step.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "cuda_support.h"
#include "support/catch.h"

using namespace hourglass;
using cuda::Placement;

namespace {

std::uint64_t calls_before(const std::string& name) {
  const auto names = emulator::call_names();
  const auto found = std::find(names.begin(), names.end(), name);
  REQUIRE(found != names.end());
  return static_cast<std::uint64_t>(found - names.begin());
}

/// Calls of that name among runtime calls [first, last).
std::int64_t count(const std::string& name, std::uint64_t first, std::uint64_t last) {
  const auto names = emulator::call_names();
  return std::count(names.begin() + static_cast<std::ptrdiff_t>(first),
                    names.begin() + static_cast<std::ptrdiff_t>(last), name);
}

/// Paths of the ranges that began among runtime calls [first, last).
std::vector<std::string> paths(std::uint64_t first, std::uint64_t last) {
  std::vector<std::string> result;
  for (const auto& range : emulator::named_ranges())
    if (range.first_call >= first && range.first_call < last) result.push_back(range.path);
  return result;
}

cuda::CudaOptions profiled(std::int64_t first, std::int64_t last, bool graphs) {
  cuda::CudaOptions options = test::cuda_options();
  options.graphs = graphs;
  options.profile_first = first;
  options.profile_last = last;
  return options;
}

}  // namespace

TEST_CASE("the profiler is switched at the steps asked for, and no bit changes") {
  const test::EngineProblem problem = test::small_problem();
  const auto expected = test::train_on_emulator(problem, test::cuda_options(), 20, 20, 0);
  const auto found = test::train_on_emulator(problem, profiled(3, 5, false), 20, 20, 0);
  CHECK(test::same_bits(found.state, expected.state));
  // What was launched before the start and before the stop tells the steps between them.
  const std::string launch = "cudaLaunchKernelEx";
  const std::uint64_t start = calls_before("cudaProfilerStart");
  const std::uint64_t stop = calls_before("cudaProfilerStop");
  const auto before = count(launch, 0, start);
  CHECK(before > 0);
  CHECK(before * 2 == count(launch, start, stop) * 3);
  CHECK(before * 20 == count(launch, 0, emulator::call_count()) * 3);
}

TEST_CASE("the profiler sees whole launches of graphs, and no capture") {
  const test::EngineProblem problem = test::small_problem();
  const auto expected = test::train_on_emulator(problem, test::cuda_options(), 20, 20, 0);
  for (const Placement placement : {Placement::resident, Placement::stream})
    for (const std::int64_t portion : {20, 4}) {
      cuda::CudaOptions options = profiled(2, 11, true);  // a block of 8 and one of 1
      options.placement = placement;
      const auto found = test::train_on_emulator(problem, options, 20, portion, 0);
      CHECK(test::same_bits(found.state, expected.state));
      const std::uint64_t start = calls_before("cudaProfilerStart");
      const std::uint64_t stop = calls_before("cudaProfilerStop");
      CHECK(count("cudaStreamBeginCapture", start, stop) == 0);
      CHECK(count("cudaLaunchKernelEx", start, stop) == 0);
      // In portions of 4 steps there are no blocks of 8: nine of 1.
      CHECK(count("cudaGraphLaunch", start, stop) == (portion == 20 ? 2 : 9));
      CHECK(paths(start, stop).front() == "epoch 0");  // seen from its begin
    }
}

TEST_CASE("a run that ends among the profiled steps stops the profiler") {
  const test::EngineProblem problem = test::small_problem();
  const auto ends_at = [&](std::int64_t steps) {
    static_cast<void>(test::train_on_emulator(problem, profiled(3, 5, true), steps, steps, 0));
    return std::pair(count("cudaProfilerStart", 0, emulator::call_count()),
                     count("cudaProfilerStop", 0, emulator::call_count()));
  };
  CHECK(ends_at(3) == std::pair<std::int64_t, std::int64_t>(0, 0));
  CHECK(ends_at(4) == std::pair<std::int64_t, std::int64_t>(1, 1));
  CHECK(ends_at(5) == std::pair<std::int64_t, std::int64_t>(1, 1));
}

TEST_CASE("epoch, step, copy, forward, loss, backward and update are named, and hold their work") {
  const test::EngineProblem problem = test::small_problem();  // 50 images, 12 a step
  static_cast<void>(test::train_on_emulator(problem, profiled(0, 0, false), 5, 1, 0));
  const auto ranges = emulator::named_ranges();
  std::set<std::string> epochs;
  for (const std::int64_t step : {0, 1, 2, 3, 4}) {
    const std::string block = "steps " + std::to_string(step) + " to " + std::to_string(step);
    for (const auto& [part, call] :
         {std::pair<std::string, std::string>{"/copy", "cudaMemcpyAsync"},
          {"/step/forward", "cudaLaunchKernelEx"},
          {"/step/loss", "cudaLaunchKernelEx"},
          {"/step/backward", "cudaLaunchKernelEx"},
          {"/step/update", "cudaLaunchKernelEx"}}) {
      const auto range = std::ranges::find(ranges, block + part, &emulator::NamedRange::path);
      INFO(block << part);
      REQUIRE(range != ranges.end());
      CHECK(count(call, range->first_call, range->end_call) > 0);
    }
  }
  for (const auto& range : ranges) {
    CHECK(range.end_call != emulator::not_ended);
    if (range.path.starts_with("epoch")) epochs.insert(range.path);
  }
  CHECK(epochs == std::set<std::string>{"epoch 0"});
}

TEST_CASE("with graphs the phases are named where they are captured, once a size of block") {
  const test::EngineProblem problem = test::small_problem();
  static_cast<void>(test::train_on_emulator(problem, profiled(0, 0, true), 18, 18, 0));
  const auto all = paths(0, emulator::call_count());
  const auto times = [&](const std::string& path) { return std::ranges::count(all, path); };
  CHECK(times("steps 0 to 7/capture/step/backward") == 8);
  CHECK(times("steps 8 to 15/capture") == 0);
  CHECK(times("steps 8 to 15/copy") == 1);
  CHECK(times("steps 16 to 16/capture/step/update") == 1);
  CHECK(times("steps 17 to 17") == 1);
  CHECK(times("epoch 3") == 1);  // step 16 begins with image 192 of the stream
}
