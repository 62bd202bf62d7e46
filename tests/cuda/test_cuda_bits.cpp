// What must not change a bit: where the data is, graphs, how a run is cut, the order in which the
// device gets to its streams.
#include <algorithm>
#include <string>
#include <vector>

#include "cuda_support.h"
#include "support/catch.h"

using namespace hourglass;
using cuda::Arithmetic;
using cuda::Placement;

namespace {

constexpr std::uint64_t schedules = 20;

struct Variant {
  std::string name;
  cuda::CudaOptions options;
};

std::vector<Variant> variants(Arithmetic arithmetic) {
  std::vector<Variant> result;
  for (const Placement placement : {Placement::resident, Placement::stream}) {
    for (const bool graphs : {true, false}) {
      cuda::CudaOptions options = test::cuda_options(arithmetic);
      options.placement = placement;
      options.graphs = graphs;
      result.push_back({std::string(placement == Placement::stream ? "streamed" : "resident") +
                            (graphs ? ", graphs" : ", no graphs"),
                        options});
    }
  }
  return result;
}

void require_same_bits(Arithmetic arithmetic, std::int64_t steps, std::uint64_t last_seed) {
  const test::EngineProblem problem = test::small_problem(Activation::relu);
  const auto expected =
      test::train_on_emulator(problem, test::cuda_options(arithmetic), steps, steps, 0);
  REQUIRE(static_cast<std::int64_t>(expected.reports.size()) == steps);
  for (const Variant& variant : variants(arithmetic)) {
    for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
      const std::int64_t portion = seed % 2 == 0 ? steps : 4;
      const auto found = test::train_on_emulator(problem, variant.options, steps, portion, seed);
      INFO(variant.name << ", seed " << seed << ", portions of " << portion);
      REQUIRE(test::same_bits(found.state, expected.state));
      REQUIRE(test::same_bits(found.reports, expected.reports));
    }
  }
}

}  // namespace

TEST_CASE("streamed or resident, graphs or none, 20 schedules: the same bits") {
  require_same_bits(Arithmetic::fp32, 18, schedules);  // blocks of 8, then of 1; four epochs
  CHECK(emulator::live_objects().total() == 0);
}

TEST_CASE("bf16 keeps its bits in the same way") { require_same_bits(Arithmetic::bf16, 10, 6); }

TEST_CASE("long blocks of steps are the same steps") {
  require_same_bits(Arithmetic::fp32, 75, 2);  // a block of 64, one of 8, three of 1
}

TEST_CASE("fused epilogues: the same bits under 20 schedules") {
  cuda::CudaOptions options = test::cuda_options();
  options.epilogues = cuda::Epilogues::fused;
  const test::EngineProblem problem = test::small_problem(Activation::relu);
  const auto expected = test::train_on_emulator(problem, options, 10, 10, 0);
  for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
    const auto found = test::train_on_emulator(problem, options, 10, 5, seed);
    INFO("seed " << seed);
    REQUIRE(test::same_bits(found.state, expected.state));
    REQUIRE(test::same_bits(found.reports, expected.reports));
  }
}

TEST_CASE(
    "no kernel is launched for the first time in a capture, and loading them changes nothing") {
  for (const Arithmetic arithmetic : {Arithmetic::fp32, Arithmetic::bf16})
    for (const Activation activation : all_activations)
      for (const auto epilogues : {cuda::Epilogues::kernels, cuda::Epilogues::fused})
        for (Variant variant : variants(arithmetic)) {
          if (arithmetic == Arithmetic::bf16 && epilogues == cuda::Epilogues::fused) continue;
          variant.options.epilogues = epilogues;
          const test::EngineProblem problem = test::small_problem(activation);
          emulator::reset();
          const auto engine = cuda::make_cuda_engine(problem.plan, variant.options);
          const TrainingState start = engine->state();
          CHECK(std::ranges::all_of(start.parameters, [](float p) { return p == 0.0F; }));
          CHECK(std::ranges::all_of(start.second_moment, [](float v) { return v == 0.0F; }));
          engine->set_state(problem.state);
          engine->run(9);
          engine->synchronize();
          INFO(variant.name << ", " << name(activation));
          CHECK(emulator::statistics().loaded_in_captures == 0);
        }
}

TEST_CASE("a resumed run equals an uninterrupted one") {
  test::EngineProblem problem = test::small_problem();
  problem.plan.optimizer.schedule = Schedule::cosine;
  problem.plan.optimizer.warmup_steps = 5;
  problem.plan.optimizer.total_steps = 30;
  const auto expected = test::train_on_emulator(problem, test::cuda_options(), 30, 30, 0);
  for (std::int64_t stop = 1; stop < 30; ++stop) {
    cuda::CudaOptions options = test::cuda_options();
    options.placement = stop % 2 == 0 ? Placement::resident : Placement::stream;
    test::EngineProblem resumed = problem;
    resumed.state =
        test::train_on_emulator(problem, options, stop, stop, static_cast<std::uint64_t>(stop))
            .state;
    const auto found = test::train_on_emulator(resumed, options, 30 - stop, 4, 1);
    INFO("stopped at step " << stop);
    REQUIRE(test::same_bits(found.state, expected.state));
  }
}

TEST_CASE("evaluation between steps changes nothing, whatever the schedule") {
  for (const Placement placement : {Placement::resident, Placement::stream}) {
    const test::EngineProblem problem = test::small_problem();
    cuda::CudaOptions options = test::cuda_options();
    options.placement = placement;
    const auto expected = test::train_on_emulator(problem, options, 12, 12, 0);
    double se_sum = 0;
    for (std::uint64_t seed = 1; seed <= schedules; ++seed) {
      emulator::reset(seed);
      const auto engine = cuda::make_cuda_engine(problem.plan, options);
      engine->set_state(problem.state);
      std::vector<StepReport> reports;
      double last_loss = 0;
      Evaluation evaluation;
      for (int i = 0; i < 4; ++i) {
        engine->run(3);
        last_loss = engine->batch_loss(2);
        evaluation = engine->evaluate(problem.plan.train);
        for (const StepReport& report : engine->take_reports()) reports.push_back(report);
      }
      INFO("seed " << seed);
      CHECK(test::same_bits(engine->state(), expected.state));
      CHECK(test::same_bits(reports, expected.reports));
      CHECK(last_loss > 0);
      if (seed > 1) CHECK(evaluation.se_sum == se_sum);
      se_sum = evaluation.se_sum;
    }
  }
}

TEST_CASE("reports come in order without a wait, and none twice") {
  const test::EngineProblem problem = test::small_problem();
  emulator::reset(0);
  const auto engine = cuda::make_cuda_engine(problem.plan, test::cuda_options());
  engine->set_state(problem.state);
  engine->run(40);
  const auto names_before = emulator::call_names().size();
  std::vector<StepReport> reports = engine->take_reports();
  const auto names = emulator::call_names();
  for (std::size_t i = names_before; i < names.size(); ++i) {
    INFO(names[i]);
    CHECK(names[i].find("Synchronize") == std::string::npos);
  }
  engine->synchronize();
  for (const StepReport& report : engine->take_reports()) reports.push_back(report);
  REQUIRE(reports.size() == 40);
  for (std::size_t i = 0; i < reports.size(); ++i)
    CHECK(reports[i].step == static_cast<std::int64_t>(i));
  CHECK(engine->take_reports().empty());
}

TEST_CASE("graphs are captured once") {
  const test::EngineProblem problem = test::small_problem();
  for (const Placement placement : {Placement::resident, Placement::stream}) {
    emulator::reset(0);
    cuda::CudaOptions options = test::cuda_options();
    options.placement = placement;
    const auto engine = cuda::make_cuda_engine(problem.plan, options);
    engine->set_state(problem.state);
    const auto captures = [] {
      const auto names = emulator::call_names();
      return std::count(names.begin(), names.end(), "cudaStreamBeginCapture");
    };
    engine->run(3 * 73);
    engine->synchronize();
    const auto before = captures();
    CHECK(before <= (placement == Placement::resident ? 3 : 9));
    engine->run(3 * 73);
    engine->synchronize();
    CHECK(captures() <= (placement == Placement::resident ? before : 9));
    CHECK(engine->state().step == 6 * 73);
  }
}

TEST_CASE("a new state drops the reports of the one before") {
  const test::EngineProblem problem = test::small_problem();
  emulator::reset(0);
  const auto engine = cuda::make_cuda_engine(problem.plan, test::cuda_options());
  engine->set_state(problem.state);
  engine->run(5);
  engine->synchronize();
  engine->set_state(problem.state);
  CHECK(engine->take_reports().empty());
  engine->run(2);
  engine->synchronize();
  const auto reports = engine->take_reports();
  REQUIRE(reports.size() == 2);
  CHECK(reports.front().step == 0);
}
