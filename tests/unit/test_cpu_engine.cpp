#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/cpu_engine.h"
#include "hourglass/error.h"
#include "support/catch.h"
#include "support/engine_checks.h"
#include "support/engine_problem.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;

namespace {

cpu::CpuOptions options(const cpu::Kernels* kernels, int threads, bool sparse) {
  cpu::CpuOptions result;
  result.kernels = kernels;
  result.threads = threads;
  result.sparse_input = sparse;
  return result;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

/// Gives some of every four units of a layer, or all of them, a bias that no image outweighs.
void silence_units(test::EngineProblem& problem, std::size_t layer, int of_four) {
  const LayerSlot slot = parameter_layout(problem.plan.network)[layer];
  for (std::int64_t unit = 0; unit < slot.out; ++unit)
    if (unit % 4 < of_four)
      problem.state.parameters[static_cast<std::size_t>(slot.bias + unit)] = -100.0F;
}

}  // namespace

// With beta1 = 0 the first moment after one step is the gradient itself, so the whole gradient of
// an engine can be compared with the oracle's, element by element.
TEST_CASE("gradients stay within 16 u of the oracle at awkward sizes") {
  double worst = 0;
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    for (const auto& [widths, batch] : test::awkward_networks()) {
      for (const Activation activation : all_activations) {
        test::EngineProblem problem(widths, activation, batch, PixelType::u8);
        problem.plan.optimizer.beta1 = 0;
        const auto engine = cpu::make_cpu_engine(problem.plan, options(kernels, 2, batch % 2 == 0));
        engine->set_state(problem.state);
        const double loss = engine->batch_loss(0);
        CHECK(test::is_loss_of(*engine, problem.batch_of_step(0), loss));
        engine->run(1);
        const TrainingState after = engine->state();
        const auto expected = problem.oracle_gradient();
        for (std::size_t p = 0; p < expected.gradient.size(); ++p) {
          const double error =
              test::error_in_u(after.first_moment[p], expected.gradient[p], expected.magnitude[p]);
          if (!(error <= test::blas_threshold)) {
            CAPTURE(kernels->name, batch, widths, p, after.first_moment[p], expected.gradient[p]);
            FAIL_CHECK(std::string(name(activation)) << " error " << error << " u");
            break;
          }
          worst = std::max(worst, error);
        }
        const auto reports = engine->take_reports();
        REQUIRE(reports.size() == 1);
        CHECK(reports[0].loss == loss);
      }
    }
  }
  WARN("largest gradient error: " << worst << " u");
  CHECK(worst > 0);
}

// Linear layers, pixels in quarters, small whole weights, and as many pixels a batch as a power of
// two: every product and every partial sum is exact in fp32, so nothing but the right number
// passes.
TEST_CASE("gradients of exact numbers are the oracle's bit for bit") {
  const std::vector<std::pair<std::vector<std::int64_t>, std::int64_t>> networks{
      {{8, 4, 8}, 16}, {{16, 33, 16}, 8}, {{64, 3, 64}, 4}, {{4, 2, 4}, 64}};
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    for (const auto& [widths, batch] : networks) {
      CAPTURE(kernels->name, widths, batch);
      test::EngineProblem problem(widths, Activation::linear, batch, PixelType::f32);
      problem.plan.optimizer.beta1 = 0;  // the first moment is then the gradient
      const auto pixels = static_cast<std::size_t>(problem.plan.train.count * widths.front());
      const auto values = std::make_shared<std::vector<float>>(test::whole_numbers(pixels, 3, 2));
      for (float& value : *values) value = 0.25F * (value + 2.0F);
      problem.plan.train.owner = values;
      problem.plan.train.pixels = reinterpret_cast<const std::byte*>(values->data());
      problem.state.parameters = test::whole_numbers(problem.state.parameters.size(), 4, 2);
      const auto expected = problem.oracle_gradient();
      const auto engine = cpu::make_cpu_engine(problem.plan, options(kernels, 2, false));
      engine->set_state(problem.state);
      CHECK(engine->batch_loss(0) == expected.loss);
      engine->run(1);
      const TrainingState after = engine->state();
      for (std::size_t p = 0; p < expected.gradient.size(); ++p) {
        REQUIRE(static_cast<double>(static_cast<float>(expected.gradient[p])) ==
                expected.gradient[p]);
        REQUIRE(static_cast<double>(after.first_moment[p]) == expected.gradient[p]);
      }
    }
  }
}

TEST_CASE("threads, the sparse path and left-out units do not change a bit") {
  struct Way {
    int threads;
    bool sparse, skip_zeros;
  };
  constexpr Way ways[] = {{1, false, false}, {2, false, false}, {5, false, true}, {1, true, false},
                          {3, true, true},   {2, false, true},  {1, true, true}};
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    for (const std::int64_t batch : {1, 7, 150, 600}) {
      struct Silence {
        std::size_t first_layer, last_layer;
        int of_four;
        Activation second = Activation::relu;  // a layer whose slope is not 0 where its output is
      };
      for (const auto& [first, last, of_four, second] : {Silence{0, 3, 0},
                                                         {0, 3, 1},
                                                         {0, 3, 3},
                                                         {0, 3, 4},
                                                         {0, 0, 3},
                                                         {2, 2, 3},
                                                         {3, 3, 3},
                                                         {2, 3, 3, Activation::tanh},
                                                         {0, 0, 4, Activation::gelu}}) {
        test::EngineProblem problem({97, 45, 13, 45, 97}, Activation::relu, batch, PixelType::u8);
        problem.plan.network.activations[1] = second;
        for (std::size_t layer = first; layer <= last; ++layer)
          silence_units(problem, layer, of_four);
        std::vector<TrainingState> states;
        for (const Way& way : ways) {
          auto engine_options = options(kernels, way.threads, way.sparse);
          engine_options.skip_zeros = way.skip_zeros;
          const auto engine = cpu::make_cpu_engine(problem.plan, engine_options);
          engine->set_state(problem.state);
          engine->run(4);
          states.push_back(engine->state());
        }
        for (const TrainingState& state : states) {
          INFO(kernels->name << " batch " << batch << ", " << of_four << " of four dead in layers "
                             << first << " to " << last);
          CHECK(same_bits(state.parameters, states[0].parameters));
          CHECK(same_bits(state.first_moment, states[0].first_moment));
          CHECK(same_bits(state.second_moment, states[0].second_moment));
        }
      }
    }
  }
}

TEST_CASE("live columns are those that hold something, wherever it lies") {
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    for (const std::int64_t rows : {1, 7, 8, 9, 78}) {
      for (std::int64_t columns = 1; columns <= 70; columns += 3) {
        const std::int64_t stride = 80;
        std::vector<float> block(static_cast<std::size_t>(rows * stride), 0.0F);
        std::vector<std::uint32_t> expected;
        for (std::int64_t c = 0; c < columns; c += 1 + c % 3) {
          const std::int64_t row = c * 7 % rows;
          block[static_cast<std::size_t>(row * stride + c)] = c % 2 == 0 ? NAN : -1e-40F;
          expected.push_back(static_cast<std::uint32_t>(c));
        }
        block[0] = -0.0F;  // counts as zero
        if (expected.front() == 0) expected.erase(expected.begin());
        std::vector<std::uint32_t> found(static_cast<std::size_t>(columns + 1));
        const auto count =
            kernels->live_columns({block.data(), stride, rows, columns, found.data()});
        found.resize(static_cast<std::size_t>(count));
        INFO(kernels->name << " rows " << rows << " columns " << columns);
        CHECK(found == expected);
      }
    }
  }
}

TEST_CASE("every step of a training is the oracle's within 16 u") {
  constexpr int steps = 30;
  for (const PixelType type : {PixelType::u8, PixelType::f32}) {
    test::EngineProblem problem({24, 16, 8, 16, 24}, Activation::gelu, 12, type);
    const auto engine = cpu::make_cpu_engine(problem.plan, {});
    engine->set_state(problem.state);
    const auto reports = test::check_steps(*engine, problem, steps);
    CHECK(reports.back().loss < reports.front().loss);
    // In one call the same steps, bit for bit.
    const auto whole = cpu::make_cpu_engine(problem.plan, {});
    whole->set_state(problem.state);
    whole->run(steps);
    CHECK(same_bits(whole->state().parameters, engine->state().parameters));
    const auto at_once = whole->take_reports();
    REQUIRE(at_once.size() == reports.size());
    for (std::size_t i = 0; i < reports.size(); ++i) {
      CHECK(at_once[i].step == static_cast<std::int64_t>(i));
      CHECK(at_once[i].loss == reports[i].loss);
    }
  }
}

TEST_CASE("a step with NaN or Inf changes nothing and names the layer") {
  const auto run_with = [](int layer, float value) {
    test::EngineProblem problem({24, 16, 8, 16, 24}, Activation::relu, 12, PixelType::u8);
    const auto slots = parameter_layout(problem.plan.network);
    problem.state
        .parameters[static_cast<std::size_t>(slots[static_cast<std::size_t>(layer)].bias)] = value;
    const auto engine = cpu::make_cpu_engine(problem.plan, {});
    engine->set_state(problem.state);
    engine->run(2);
    const TrainingState after = engine->state();
    CHECK(same_bits(after.parameters, problem.state.parameters));
    CHECK(same_bits(after.first_moment, problem.state.first_moment));
    CHECK(after.skipped_steps == 2);
    CHECK(after.step == 2);
    return engine->take_reports();
  };
  for (int layer = 0; layer < 4; ++layer) {
    for (const float value : {test::poison, INFINITY}) {
      const auto reports = run_with(layer, value);
      REQUIRE(reports.size() == 2);
      CHECK(reports[0].nonfinite_layer == layer);
      CHECK(reports[1].nonfinite_layer == layer);
    }
  }
  // Finite, but its square is not: Adam's second moment would overflow.
  CHECK(run_with(3, 3e25F)[0].nonfinite_layer >= 0);
}

TEST_CASE("evaluation and forward agree with the oracle") {
  test::EngineProblem problem({24, 16, 8, 16, 24}, Activation::sigmoid, 12, PixelType::u8);
  problem.plan.network.activations.back() = Activation::linear;  // clipping has something to do
  const auto engine = cpu::make_cpu_engine(problem.plan, options(nullptr, 2, true));
  engine->set_state(problem.state);
  const Evaluation found = engine->evaluate(problem.plan.train);
  CHECK(found.se_clipped_sum < found.se_sum);
  test::check_evaluation_sums(*engine, problem.plan.train);
  test::check_unit_ranges(*engine, problem);
  test::check_forward(*engine, problem, 700);  // more rows than the engine takes at a time
}

TEST_CASE("requests that make no sense are refused") {
  test::EngineProblem problem({24, 8, 24}, Activation::relu, 12, PixelType::u8);
  TrainingPlan plan = problem.plan;
  plan.batch = 0;
  CHECK_THROWS_AS(cpu::make_cpu_engine(plan, {}), UsageError);
  const auto engine = cpu::make_cpu_engine(problem.plan, {});
  TrainingState wrong = problem.state;
  wrong.parameters.pop_back();
  CHECK_THROWS_AS(engine->set_state(wrong), UsageError);
  plan = problem.plan;
  plan.train.count = 0;
  CHECK_THROWS_AS(cpu::make_cpu_engine(plan, {})->run(1), UsageError);
}
