// Devices that are not there, and memory that is not enough.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "cuda/memory_budget.h"
#include "cuda_support.h"
#include "hourglass/error.h"
#include "support/catch.h"

using namespace hourglass;

namespace {

std::string refusal(int device) {
  cuda::CudaOptions options = test::cuda_options();
  options.device = device;
  try {
    static_cast<void>(cuda::make_cuda_engine(test::small_problem().plan, options));
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::device);
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("the emulated device is found") {
  emulator::reset();
  const cuda::CudaStatus status = cuda::cuda_device_status();
  REQUIRE(status.devices.size() == 1);
  CHECK(status.problem.empty());
  CHECK(status.devices[0].name == "hourglass emulator");
  CHECK(status.devices[0].major == 9);
  const auto engine = cuda::make_cuda_engine(test::small_problem().plan, test::cuda_options());
  CHECK(engine->info().name == "cuda");
  CHECK(engine->info().precision == "fp32");
  CHECK(engine->info().device == "hourglass emulator, resident data");
}

TEST_CASE("what is wrong with the driver or the devices is told apart") {
  using Catch::Contains;
  emulator::reset();
  emulator::break_driver(cudaErrorInsufficientDriver);
  CHECK_THAT(refusal(0), Contains("--device cuda") && Contains("no NVIDIA driver"));
  CHECK(cuda::cuda_device_status().devices.empty());
  emulator::break_driver(cudaErrorStubLibrary);
  CHECK_THAT(refusal(0), Contains("stub"));
  emulator::break_driver(cudaErrorUnknown);
  CHECK_THAT(refusal(0), Contains("cudaErrorUnknown (999)"));
  emulator::break_driver(cudaSuccess);

  emulator::set_device_count(0);
  unsetenv("CUDA_VISIBLE_DEVICES");
  CHECK_THAT(refusal(0), Contains("no NVIDIA GPU"));
  setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
  CHECK_THAT(refusal(0), Contains("hidden by CUDA_VISIBLE_DEVICES=\"-1\""));
  unsetenv("CUDA_VISIBLE_DEVICES");

  emulator::set_device_count(2);
  CHECK_THAT(refusal(2), Contains("--device cuda:2") && Contains("from 0 to 1"));
  CHECK_THAT(refusal(-1), Contains("from 0 to 1"));
  emulator::reset();
}

TEST_CASE("too little memory is refused before any is taken, with both numbers") {
  const test::EngineProblem problem = test::small_problem();
  emulator::reset();
  emulator::set_memory_limit(20000);
  using Catch::Contains;
  CHECK_THAT(refusal(0), Contains("bytes for this training") && Contains("bytes free"));
  CHECK(emulator::live_objects().total() == 0);
  const auto names = emulator::call_names();
  CHECK(std::count(names.begin(), names.end(), "cudaMalloc") == 0);
  emulator::reset();
}

TEST_CASE("memory that another program takes in between is the same error") {
  const test::EngineProblem problem = test::small_problem();
  emulator::reset();
  static_cast<void>(cuda::make_cuda_engine(problem.plan, test::cuda_options()));
  const auto names = emulator::call_names();
  const auto third = [&] {
    auto place = names.begin();
    for (int i = 0; i < 3; ++i) place = std::find(place + 1, names.end(), "cudaMalloc");
    return static_cast<std::uint64_t>(place - names.begin()) + 1;
  }();
  emulator::reset();
  emulator::fail_call(third, cudaErrorMemoryAllocation);
  using Catch::Contains;
  CHECK_THAT(refusal(0), Contains("bytes for this training") && Contains("bytes free") &&
                             Contains("cudaErrorMemoryAllocation"));
  CHECK(emulator::live_objects().total() == 0);
  emulator::reset();
}

TEST_CASE("the budget counts in the driver's pages of 2 MiB") {
  constexpr std::size_t page = std::size_t{2} << 20;
  cuda::MemoryBudget budget;
  CHECK(budget.bytes() == 0);
  cuda::DeviceBuffer<char> buffers[5];
  budget.add(buffers[0], "small", 1);
  CHECK(budget.bytes() == page);
  budget.add(buffers[1], "small", 1000);
  CHECK(budget.bytes() == page);  // they share it
  budget.add(buffers[2], "large", page / 2);
  CHECK(budget.bytes() == 2 * page);
  budget.add(buffers[3], "large", page + 1);
  CHECK(budget.bytes() == 4 * page);
  CHECK(budget.bytes_with(page / 2 - 1) == 4 * page);
  CHECK(budget.bytes_with(page) == 5 * page);
  CHECK(budget.bytes() == 4 * page);
  budget.add(buffers[4], "small", page / 2 - 1);
  CHECK(budget.bytes() == 4 * page);
  budget.add(buffers[4], "small", page / 2 - 1);
  CHECK(budget.bytes() == 5 * page);
}

TEST_CASE("images stay on the device or are streamed: no size of memory in between is refused") {
  const test::EngineProblem problem({24, 8, 24}, Activation::relu, 2, PixelType::u8, 150000);
  bool fitted = false;
  std::string last;
  for (std::size_t limit = 1 << 20; limit <= std::size_t{10} << 20; limit += 1 << 18) {
    emulator::reset();
    emulator::set_memory_limit(limit);
    INFO(limit << " bytes");
    try {
      last = cuda::make_cuda_engine(problem.plan, test::cuda_options())->info().device;
      fitted = true;
    } catch (const DeviceError&) {
      CHECK_FALSE(fitted);
    }
  }
  CHECK(last == "hourglass emulator, resident data");
  emulator::reset();
}

TEST_CASE("images that do not fit are streamed") {
  test::EngineProblem problem({24, 8, 24}, Activation::relu, 2, PixelType::u8, 400000);
  emulator::reset();
  emulator::set_memory_limit(8 << 20);
  const auto engine = cuda::make_cuda_engine(problem.plan, test::cuda_options());
  CHECK(engine->info().device == "hourglass emulator, streamed data");
  cuda::CudaOptions options = test::cuda_options();
  options.placement = cuda::Placement::resident;
  CHECK_THROWS_AS(cuda::make_cuda_engine(problem.plan, options), DeviceError);
}

TEST_CASE("requests that make no sense are refused by the CUDA engine") {
  emulator::reset();
  test::EngineProblem problem = test::small_problem();
  TrainingPlan plan = problem.plan;
  plan.batch = 0;
  CHECK_THROWS_AS(cuda::make_cuda_engine(plan, test::cuda_options()), UsageError);
  cuda::CudaOptions options = test::cuda_options(cuda::Arithmetic::bf16);
  options.epilogues = cuda::Epilogues::fused;
  CHECK_THROWS_AS(cuda::make_cuda_engine(problem.plan, options), UsageError);
  const auto engine = cuda::make_cuda_engine(problem.plan, test::cuda_options());
  TrainingState wrong = problem.state;
  wrong.second_moment.pop_back();
  CHECK_THROWS_AS(engine->set_state(wrong), UsageError);
  engine->set_state(problem.state);  // the refusal did no harm

  plan = problem.plan;
  plan.train.count = 0;
  const auto forward_only = cuda::make_cuda_engine(plan, test::cuda_options());
  forward_only->set_state(problem.state);
  CHECK_THROWS_AS(forward_only->run(1), UsageError);
  CHECK(forward_only->take_reports().empty());
  CHECK(forward_only->evaluate(problem.plan.train).images == problem.plan.train.count);
  CHECK(test::same_bits(forward_only->state(), problem.state));
}
