#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/cpu_engine.h"
#include "hourglass/error.h"
#include "reference/network.h"
#include "reference/reference_engine.h"
#include "support/catch.h"
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
        CHECK(reports[0].loss == Approx(expected.loss).epsilon(1e-5));
      }
    }
  }
  WARN("largest gradient error: " << worst << " u");
  CHECK(worst > 0);
}

TEST_CASE("threads and the sparse path do not change a bit") {
  for (const cpu::Kernels* kernels : cpu::available_kernels()) {
    for (const std::int64_t batch : {1, 7, 150, 600}) {
      test::EngineProblem problem({97, 45, 13, 45, 97}, Activation::relu, batch, PixelType::u8);
      std::vector<TrainingState> states;
      for (const auto& [threads, sparse] :
           {std::pair{1, false}, {2, false}, {5, false}, {1, true}, {3, true}}) {
        const auto engine = cpu::make_cpu_engine(problem.plan, options(kernels, threads, sparse));
        engine->set_state(problem.state);
        engine->run(4);
        states.push_back(engine->state());
      }
      for (const TrainingState& state : states) {
        INFO(kernels->name << " batch " << batch);
        CHECK(same_bits(state.parameters, states[0].parameters));
        CHECK(same_bits(state.second_moment, states[0].second_moment));
      }
    }
  }
}

TEST_CASE("training follows the oracle") {
  for (const PixelType type : {PixelType::u8, PixelType::f32}) {
    test::EngineProblem problem({24, 16, 8, 16, 24}, Activation::gelu, 12, type);
    const auto engine = cpu::make_cpu_engine(problem.plan, {});
    const auto oracle = reference::make_reference_engine(problem.plan);
    engine->set_state(problem.state);
    oracle->set_state(problem.state);
    engine->run(30);
    oracle->run(30);
    const auto found = engine->take_reports();
    const auto expected = oracle->take_reports();
    REQUIRE(found.size() == 30);
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].step == static_cast<std::int64_t>(i));
      CHECK(found[i].loss == Approx(expected[i].loss).epsilon(1e-4));
    }
    CHECK(found.back().loss < found.front().loss);
    CHECK(engine->batch_loss(30) == Approx(oracle->batch_loss(30)).epsilon(1e-4));
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
  const auto engine = cpu::make_cpu_engine(problem.plan, options(nullptr, 2, true));
  const auto oracle = reference::make_reference_engine(problem.plan);
  engine->set_state(problem.state);
  oracle->set_state(problem.state);
  const Evaluation found = engine->evaluate(problem.plan.train);
  const Evaluation expected = oracle->evaluate(problem.plan.train);
  CHECK(found.images == expected.images);
  CHECK(found.se_sum == Approx(expected.se_sum).epsilon(1e-6));
  CHECK(found.se_clipped_sum == Approx(expected.se_clipped_sum).epsilon(1e-6));
  for (std::size_t l = 0; l < 4; ++l)
    for (std::size_t unit = 0; unit < found.unit_min[l].size(); ++unit)
      CHECK(found.unit_max[l][unit] == Approx(expected.unit_max[l][unit]).epsilon(1e-5));

  const std::int64_t rows = 700;  // more than the engine takes at a time
  const auto input = test::uniform(static_cast<std::size_t>(rows * 24), 4, 0.0, 1.0);
  std::vector<float> codes(static_cast<std::size_t>(rows * 8));
  std::vector<float> through(input.size());
  std::vector<float> whole(input.size());
  engine->forward(Part::encoder, input.data(), rows, codes.data());
  engine->forward(Part::decoder, codes.data(), rows, through.data());
  engine->forward(Part::whole, input.data(), rows, whole.data());
  CHECK(same_bits(through, whole));
  std::vector<float> reference(input.size());
  oracle->forward(Part::whole, input.data(), rows, reference.data());
  for (std::size_t i = 0; i < whole.size(); ++i)
    REQUIRE(whole[i] == Approx(reference[i]).epsilon(1e-5));
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
