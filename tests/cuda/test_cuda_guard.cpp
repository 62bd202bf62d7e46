// The NaN guard on the device, and where it says the trouble is.
#include <cmath>
#include <limits>
#include <vector>

#include "cuda_support.h"
#include "support/catch.h"
#include "support/numbers.h"

using namespace hourglass;

namespace {

std::vector<StepReport> run_with(int layer, float value, const cuda::CudaOptions& options) {
  test::EngineProblem problem = test::small_problem(Activation::relu);
  const auto slots = parameter_layout(problem.plan.network);
  problem.state.parameters[static_cast<std::size_t>(slots[static_cast<std::size_t>(layer)].bias)] =
      value;
  problem.state.skipped_steps = 4;
  const auto found = test::train_on_emulator(problem, options, 10, 10, 1);
  CHECK(test::same_bits(found.state.parameters, problem.state.parameters));
  CHECK(test::same_bits(found.state.first_moment, problem.state.first_moment));
  CHECK(test::same_bits(found.state.second_moment, problem.state.second_moment));
  CHECK(found.state.skipped_steps == 14);
  CHECK(found.state.step == 10);
  REQUIRE(found.reports.size() == 10);
  return found.reports;
}

}  // namespace

TEST_CASE("a step with NaN or Inf changes nothing on the device and names the layer") {
  for (const auto arithmetic : {cuda::Arithmetic::fp32, cuda::Arithmetic::bf16}) {
    for (int layer = 0; layer < 4; ++layer) {
      for (const float value : {test::poison, std::numeric_limits<float>::infinity()}) {
        const auto reports = run_with(layer, value, test::cuda_options(arithmetic));
        INFO("layer " << layer << ", value " << value);
        for (const StepReport& report : reports) CHECK(report.nonfinite_layer == layer);
      }
    }
    // Finite, but its square is not: Adam's second moment would overflow.
    CHECK(run_with(3, 3e25F, test::cuda_options(arithmetic))[0].nonfinite_layer >= 0);
  }
}

TEST_CASE("the guard sees what fused epilogues leave") {
  cuda::CudaOptions options = test::cuda_options();
  options.epilogues = cuda::Epilogues::fused;
  for (int layer = 0; layer < 4; ++layer) {
    // Their ReLU makes 0 of NaN: what is seen is where it comes from.
    for (const float value : {test::poison, std::numeric_limits<float>::infinity()}) {
      const auto reports = run_with(layer, value, options);
      INFO("layer " << layer << ", value " << value);
      for (const StepReport& report : reports) CHECK(report.nonfinite_layer == layer);
    }
  }
}

TEST_CASE("the guard sees a gradient that is too large in the lower layers alone") {
  // The last layer's weights make its output 1e12, which can be squared; the gradient below it is
  // that times the weights once more, which cannot.
  test::EngineProblem problem = test::small_problem(Activation::relu);
  const LayerSlot last = parameter_layout(problem.plan.network).back();
  for (std::int64_t i = 0; i < last.in * last.out; ++i)
    problem.state.parameters[static_cast<std::size_t>(last.weight + i)] *= 1e12F;
  for (const auto epilogues : {cuda::Epilogues::kernels, cuda::Epilogues::fused}) {
    cuda::CudaOptions options = test::cuda_options();
    options.epilogues = epilogues;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto found = test::train_on_emulator(problem, options, 3, 3, seed);
      INFO("seed " << seed);
      for (const StepReport& report : found.reports) CHECK(report.nonfinite_layer == 2);
      CHECK(test::same_bits(found.state.parameters, problem.state.parameters));
    }
  }
}

namespace {

/// Trains with a NaN in one image of 50, at a pixel whose output is dead: the loss's gradient is 0
/// there whatever the pixel is. The steps that see the image are skipped, the others are not.
void check_bad_image(cuda::Epilogues epilogues) {
  constexpr std::int64_t bad_image = 7;
  constexpr std::int64_t bad_pixel = 3;
  const test::EngineProblem clean = test::small_problem(Activation::relu, PixelType::f32);
  test::EngineProblem problem = clean;
  const auto bytes =
      static_cast<std::size_t>(clean.plan.train.count * clean.plan.train.row_bytes());
  auto pixels = std::make_shared<std::vector<float>>(bytes / sizeof(float));
  std::memcpy(pixels->data(), clean.plan.train.pixels, bytes);
  (*pixels)[bad_image * 24 + bad_pixel] = test::poison;
  problem.plan.train.owner = pixels;
  problem.plan.train.pixels = reinterpret_cast<const std::byte*>(pixels->data());
  const LayerSlot last = parameter_layout(problem.plan.network).back();
  problem.state.parameters[static_cast<std::size_t>(last.bias + bad_pixel)] = -1e3F;
  cuda::CudaOptions options = test::cuda_options();
  options.epilogues = epilogues;
  const BatchStream stream(problem.plan.seed, 50, 12);
  const auto found = test::train_on_emulator(problem, options, 30, 9, 5);
  std::int64_t skipped = 0;
  for (const StepReport& report : found.reports) {
    bool bad = false;
    stream.visit(static_cast<std::uint64_t>(report.step), 0, 12,
                 [&](std::uint64_t, std::uint64_t image) { bad = bad || image == bad_image; });
    INFO("step " << report.step);
    CHECK((report.nonfinite_layer >= 0) == bad);
    CHECK(std::isfinite(report.loss) == !bad);
    skipped += bad ? 1 : 0;
  }
  CHECK(skipped > 0);
  CHECK(found.state.skipped_steps == skipped);
  for (const float parameter : found.state.parameters) REQUIRE(std::isfinite(parameter));
}

}  // namespace

TEST_CASE("a bad image spoils its own step only") { check_bad_image(cuda::Epilogues::kernels); }

TEST_CASE("a bad image spoils its own step only, with fused epilogues") {
  check_bad_image(cuda::Epilogues::fused);
}
