// Every runtime call of a short training fails once, in turn.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cuda_support.h"
#include "hourglass/error.h"
#include "support/catch.h"

using namespace hourglass;

namespace {

/// Everything an engine does, once.
void short_training(const test::EngineProblem& problem, const cuda::CudaOptions& options) {
  const auto engine = cuda::make_cuda_engine(problem.plan, options);
  engine->set_state(problem.state);
  engine->run(2);
  static_cast<void>(engine->take_reports());
  engine->synchronize();
  static_cast<void>(engine->batch_loss(3));
  static_cast<void>(engine->evaluate(problem.plan.train));
  std::vector<float> output(static_cast<std::size_t>(problem.plan.network.output_width()));
  engine->forward(Part::whole, problem.state.parameters.data(), 1, output.data());
  static_cast<void>(engine->state());
}

/// Whether call `n` is a destructor's, which has nobody to tell. Only the engine's own waits for
/// the whole device, and selects it before.
bool is_of_destructor(const std::vector<std::string>& calls, std::size_t n) {
  return test::is_release(calls[n]) || calls[n] == "cudaDeviceSynchronize" ||
         (n + 1 < calls.size() && calls[n + 1] == "cudaDeviceSynchronize");
}

}  // namespace

TEST_CASE("every runtime call fails once: a typed error, nothing leaked") {
  const test::EngineProblem problem({12, 4, 12}, Activation::relu, 5, PixelType::u8, 20);
  for (const cuda::Placement placement : {cuda::Placement::resident, cuda::Placement::stream}) {
    for (const bool graphs : {true, false}) {
      cuda::CudaOptions options = test::cuda_options();
      options.placement = placement;
      options.graphs = graphs;
      emulator::reset(1);
      short_training(problem, options);
      const auto calls = emulator::call_names();
      std::size_t typed = 0;
      for (std::size_t n = 1; n <= calls.size(); ++n) {
        const cudaError_t error = n % 2 == 0 ? cudaErrorMemoryAllocation : cudaErrorIllegalAddress;
        emulator::reset(1);
        emulator::fail_call(n, error);
        INFO("call " << n << ", " << calls[n - 1] << ", " << cudaGetErrorName(error));
        std::string text = "no error";
        try {
          short_training(problem, options);
        } catch (const Error& failure) {
          text = failure.what();
          ++typed;
          const bool of_device =
              error == cudaErrorMemoryAllocation || calls[n - 1] == "cudaGetDeviceCount";
          CHECK(failure.code() == (of_device ? ExitCode::device : ExitCode::internal));
        }
        if (!is_of_destructor(calls, n - 1))
          CHECK(text.find(cudaGetErrorName(error)) != std::string::npos);
        REQUIRE(emulator::live_objects().total() == 0);
      }
      CHECK(typed > calls.size() / 2);
    }
  }
  emulator::reset();
}

TEST_CASE("after an error the engine refuses to go on, and what is sticky is said to be") {
  const test::EngineProblem problem = test::small_problem(Activation::relu);
  emulator::reset();
  const auto engine = cuda::make_cuda_engine(problem.plan, test::cuda_options());
  engine->set_state(problem.state);
  engine->run(3);
  emulator::fail_call(1, cudaErrorIllegalAddress, emulator::Failure::sticky);
  using Catch::Contains;
  CHECK_THROWS_WITH(engine->run(3),
                    Contains("cudaErrorIllegalAddress (700)") && Contains("sticky"));
  CHECK_THROWS_WITH(engine->state(), Contains("cannot go on"));
  CHECK_THROWS_AS(engine->take_reports(), Error);
}

TEST_CASE("an engine that ends waits for its work before it lets go of anything") {
  for (const cuda::Placement placement : {cuda::Placement::resident, cuda::Placement::stream}) {
    const test::EngineProblem problem = test::small_problem(Activation::relu);
    cuda::CudaOptions options = test::cuda_options();
    options.placement = placement;
    emulator::reset(3);
    auto engine = cuda::make_cuda_engine(problem.plan, options);
    engine->set_state(problem.state);
    engine->run(20);
    const auto before = static_cast<std::ptrdiff_t>(emulator::call_count());
    engine.reset();
    const auto calls = emulator::call_names();
    const auto wait = std::find(calls.begin() + before, calls.end(), "cudaDeviceSynchronize");
    const auto release = std::find_if(calls.begin() + before, calls.end(), test::is_release);
    REQUIRE(release != calls.end());
    CHECK(wait < release);
    CHECK(std::count(wait, calls.end(), "cudaLaunchKernelEx") == 0);
  }
  emulator::reset();
}

TEST_CASE("an engine that cannot wait at its end does not throw") {
  const test::EngineProblem problem = test::small_problem(Activation::relu);
  emulator::reset();
  auto engine = cuda::make_cuda_engine(problem.plan, test::cuda_options());
  engine->set_state(problem.state);
  engine->run(3);
  emulator::fail_call(1, cudaErrorIllegalAddress, emulator::Failure::sticky);
  CHECK_NOTHROW(engine.reset());
  CHECK(emulator::live_objects().total() == 0);
  emulator::reset();
}
