// The engine in bf16, on the project's own kernels and on oneDNN's products.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpu/cpu_engine.h"
#include "cpu/kernels.h"
#include "cpu/library_passes.h"
#include "onednn/product.h"
#include "reference/network.h"
#include "support/catch.h"
#include "support/engine_problem.h"
#include "support/numbers.h"
#include "support/skip.h"
#include "support/tolerance.h"

using namespace hourglass;

namespace {

cpu::CpuOptions bf16_options(bool library) {
  cpu::CpuOptions options;
  options.threads = 2;
  options.library = library;
  options.precision = Precision::bf16;
  return options;
}

std::vector<float> first_gradient(test::EngineProblem& problem, const cpu::CpuOptions& options) {
  problem.plan.optimizer.beta1 = 0;  // then the first moment is the gradient
  const auto engine = cpu::make_cpu_engine(problem.plan, options);
  engine->set_state(problem.state);
  engine->run(1);
  return engine->state().first_moment;
}

double round_to_bf16(double x) {
  const auto value = static_cast<float>(x);
  cpu::Bf16 bits = 0;
  cpu::to_bf16(&value, 1, &bits);
  float back = 0;
  cpu::from_bf16(&bits, 1, &back);
  return static_cast<double>(back);
}

/// The plain computation that the 2x rule compares with: operands of every product rounded to bf16,
/// everything else exact.
std::vector<double> plain_bf16_gradient(const test::EngineProblem& problem) {
  const NetworkSpec& network = problem.plan.network;
  const auto slots = parameter_layout(network);
  std::vector<double> w(problem.state.parameters.begin(), problem.state.parameters.end());
  std::vector<double> rounded = w;
  for (const LayerSlot& slot : slots)
    for (std::int64_t i = slot.weight; i < slot.bias; ++i)
      rounded[static_cast<std::size_t>(i)] = round_to_bf16(w[static_cast<std::size_t>(i)]);
  const auto batch = problem.batch_of_step_0();
  const double scale = 2.0 / static_cast<double>(batch.size() * batch.front().size());
  std::vector<double> gradient(w.size(), 0.0);
  for (const auto& x : batch) {
    std::vector<std::vector<double>> a{x}, z;
    for (auto& value : a[0]) value = round_to_bf16(value);
    for (std::size_t l = 0; l < slots.size(); ++l) {
      z.emplace_back();
      std::vector<double> next;
      for (std::int64_t o = 0; o < slots[l].out; ++o) {
        double sum = w[static_cast<std::size_t>(slots[l].bias + o)];
        for (std::int64_t i = 0; i < slots[l].in; ++i)
          sum += rounded[static_cast<std::size_t>(slots[l].weight + o * slots[l].in + i)] *
                 a[l][static_cast<std::size_t>(i)];
        z.back().push_back(sum);
        const double value = reference::activate(network.activations[l], sum);
        next.push_back(l + 1 == slots.size() ? value : round_to_bf16(value));
      }
      a.push_back(std::move(next));
    }
    std::vector<double> da;
    for (std::size_t i = 0; i < x.size(); ++i) da.push_back(scale * (a.back()[i] - x[i]));
    for (std::size_t l = slots.size(); l-- > 0;) {
      std::vector<double> below(static_cast<std::size_t>(slots[l].in), 0.0);
      for (std::size_t o = 0; o < da.size(); ++o) {
        const double exact = da[o] * reference::activation_slope(network.activations[l], z[l][o]);
        const double dz = round_to_bf16(exact);
        for (std::size_t i = 0; i < below.size(); ++i) {
          const std::size_t index =
              static_cast<std::size_t>(slots[l].weight) + o * below.size() + i;
          gradient[index] += dz * a[l][i];
          below[i] += dz * rounded[index];
        }
        gradient[static_cast<std::size_t>(slots[l].bias) + o] += exact;
      }
      da = std::move(below);
    }
  }
  return gradient;
}

/// Root of the mean squared difference.
template <typename A>
double distance(const std::vector<A>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += difference * difference;
  }
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

TEST_CASE("bf16 rounds to nearest even and keeps NaN and Inf") {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<float, float>> cases{{1.0F, 1.0F},
                                                   {1.00390625F, 1.0F},
                                                   {1.01171875F, 1.015625F},
                                                   {-0.0F, -0.0F},
                                                   {3.3895314e38F, 3.3895314e38F},
                                                   {3.4e38F, inf},
                                                   {inf, inf},
                                                   {-inf, -inf}};
  for (const auto& [x, expected] : cases) CHECK(static_cast<float>(round_to_bf16(x)) == expected);
  cpu::Bf16 bits = 0;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  cpu::to_bf16(&nan, 1, &bits);
  float back = 0;
  cpu::from_bf16(&bits, 1, &back);
  CHECK(std::isnan(back));
}

TEST_CASE("bf16 gradients err at most twice as much as a plain bf16 computation") {
  for (const auto& [widths, batch] : test::awkward_networks()) {
    for (const Activation activation : all_activations) {
      test::EngineProblem problem(widths, activation, batch, PixelType::u8);
      const auto oracle = problem.oracle_gradient();
      const double plain = distance(plain_bf16_gradient(problem), oracle.gradient);
      // Where bf16 rounds nothing away, what is left is rounding in single precision.
      const double scale = *std::ranges::max_element(oracle.magnitude);
      for (const bool library : {false, true}) {
        const auto found = first_gradient(problem, bf16_options(library));
        const double error = distance(found, oracle.gradient);
        INFO(name(activation) << " batch " << batch << (library ? ", oneDNN: " : ": ") << error
                              << " against " << plain);
        CHECK(error <= 2 * plain + test::blas_threshold * test::unit_roundoff * scale);
      }
    }
  }
}

TEST_CASE("bf16 trains, from master weights in single precision") {
  test::EngineProblem problem({24, 16, 8, 16, 24}, Activation::gelu, 12, PixelType::u8);
  for (const bool library : {false, true}) {
    const auto engine = cpu::make_cpu_engine(problem.plan, bf16_options(library));
    engine->set_state(problem.state);
    engine->run(100);
    const auto reports = engine->take_reports();
    CHECK(reports.back().loss < 0.7 * reports.front().loss);
    const auto parameters = engine->state().parameters;
    // Master weights have more bits than bf16 has.
    CHECK(std::ranges::any_of(parameters, [](float w) {
      return static_cast<float>(round_to_bf16(static_cast<double>(w))) != w;
    }));
  }
}

TEST_CASE("threads, the sparse path and left-out units do not change a bit in bf16") {
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    for (const std::int64_t batch : {7, 150, 600}) {
      test::EngineProblem problem({97, 45, 13, 45, 97}, Activation::relu, batch, PixelType::u8);
      const LayerSlot slot = parameter_layout(problem.plan.network).front();
      for (std::int64_t unit = 0; unit < slot.out; unit += 2)  // no image lights these
        problem.state.parameters[static_cast<std::size_t>(slot.bias + unit)] = -100.0F;
      std::vector<std::vector<float>> parameters;
      for (const int threads : {1, 3}) {
        for (const bool sparse : {false, true}) {
          for (const bool skip_zeros : {false, true}) {
            auto options = bf16_options(false);
            options.kernels = kernels;
            options.threads = threads;
            options.sparse_input = sparse;
            options.skip_zeros = skip_zeros;
            const auto engine = cpu::make_cpu_engine(problem.plan, options);
            engine->set_state(problem.state);
            engine->run(4);
            parameters.push_back(engine->state().parameters);
            INFO(kernels->name << " batch " << batch << ", way " << parameters.size());
            CHECK(parameters.back() == parameters.front());
          }
        }
      }
    }
  }
}

TEST_CASE("in bf16, codes decode to what reconstruction gives") {
  test::EngineProblem problem({24, 16, 8, 16, 24}, Activation::gelu, 12, PixelType::u8);
  const auto engine = cpu::make_cpu_engine(problem.plan, bf16_options(false));
  engine->set_state(problem.state);
  const std::vector<float> images = test::uniform(20 * 24, 2, 0.0, 1.0);
  std::vector<float> codes(20 * 8), decoded(images.size()), whole(images.size());
  engine->forward(Part::encoder, images.data(), 20, codes.data());
  engine->forward(Part::decoder, codes.data(), 20, decoded.data());
  engine->forward(Part::whole, images.data(), 20, whole.data());
  CHECK(decoded == whole);
}

TEST_CASE("kernels round to bf16 as one number at a time does") {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = test::uniform(1000, 7, -3.0, 3.0);
  for (const float special : {0.0F, -0.0F, 1.00390625F, 1.01171875F, 3.4e38F, -3.4e38F, 1e-40F, inf,
                              -inf, std::numeric_limits<float>::quiet_NaN()})
    x.push_back(special);
  x.resize((x.size() + 15) / 16 * 16);
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    std::vector<float> rounded(x.size());
    kernels->round_to_bf16(x.data(), static_cast<std::int64_t>(x.size()), rounded.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
      INFO(kernels->name << ' ' << x[i]);
      if (std::isnan(x[i]))
        CHECK(std::isnan(rounded[i]));
      else
        CHECK(rounded[i] == static_cast<float>(round_to_bf16(static_cast<double>(x[i]))));
    }
  }
}

TEST_CASE("bf16 products run on the CPU's own instructions") {
  if (!onednn::has_bf16()) return test::skip("this CPU has no bf16 instructions; emulated above");
  onednn::Product product({4, 8, 4, false, false, 8, 4, 4, onednn::Operand::bf16});
  const std::vector<cpu::Bf16> ones(32, 0x3F80);
  std::vector<float> c(16);
  product.run(ones.data(), ones.data(), c.data());
  for (const float sum : c) CHECK(sum == 8.0F);
}
