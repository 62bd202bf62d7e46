// The CUDA engine on a GPU against the oracle and the CPU engine. Built twice: with cuBLASLt's
// products and with the plain ones.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/cpu_engine.h"
#include "cuda/cuda_engine.h"
#include "support/catch.h"
#include "support/engine_checks.h"
#include "support/engine_problem.h"
#include "support/skip.h"
#include "support/tolerance.h"

using namespace hourglass;
using cuda::Arithmetic;

namespace {

bool no_gpu() {
  const cuda::CudaStatus status = cuda::cuda_device_status();
  if (status.devices.empty()) test::skip(status.problem);
  return status.devices.empty();
}

cuda::CudaOptions with(Arithmetic arithmetic) {
  cuda::CudaOptions options;
  options.arithmetic = arithmetic;
  return options;
}

TrainingState train(const test::EngineProblem& problem, const cuda::CudaOptions& options,
                    std::int64_t steps) {
  const auto engine = cuda::make_cuda_engine(problem.plan, options);
  engine->set_state(problem.state);
  engine->run(steps);
  return engine->state();
}

/// With beta1 = 0 the first moment is the gradient itself.
std::vector<float> first_gradient(test::EngineProblem problem, const cuda::CudaOptions& options) {
  problem.plan.optimizer.beta1 = 0;
  return train(problem, options, 1).first_moment;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

bool same_bits(const TrainingState& a, const TrainingState& b) {
  return same_bits(a.parameters, b.parameters) && same_bits(a.first_moment, b.first_moment) &&
         same_bits(a.second_moment, b.second_moment);
}

test::EngineProblem tutorial_problem() {
  test::EngineProblem problem({784, 392, 196, 392, 784}, Activation::relu, 150, PixelType::u8, 600);
  for (float& w : problem.state.parameters) w *= 0.2F;
  return problem;
}

}  // namespace

TEST_CASE("gpu: gradients within 16 u of the oracle, with and without fused epilogues") {
  if (no_gpu()) return;
  for (const auto& [widths, batch] : test::awkward_networks())
    for (const Activation activation : all_activations)
      for (const auto epilogues : {cuda::Epilogues::kernels, cuda::Epilogues::fused}) {
        const test::EngineProblem problem(widths, activation, batch, PixelType::u8);
        cuda::CudaOptions options = with(Arithmetic::fp32);
        options.epilogues = epilogues;
        const auto found = first_gradient(problem, options);
        const auto expected = problem.oracle_gradient();
        test::WorstError worst;
        for (std::size_t p = 0; p < found.size(); ++p)
          worst.add(found[p], expected.gradient[p], expected.magnitude[p]);
        INFO(name(activation) << " batch " << batch);
        CHECK(worst.value() <= test::blas_threshold);
      }
}

TEST_CASE("gpu: resident or streamed, graphs or none, twice: the same bits") {
  if (no_gpu()) return;
  for (const Arithmetic arithmetic : {Arithmetic::tf32, Arithmetic::fp32, Arithmetic::bf16}) {
    const test::EngineProblem problem = tutorial_problem();
    const TrainingState expected = train(problem, with(arithmetic), 75);
    for (const auto placement : {cuda::Placement::resident, cuda::Placement::stream})
      for (const bool graphs : {true, false}) {
        cuda::CudaOptions options = with(arithmetic);
        options.placement = placement;
        options.graphs = graphs;
        CHECK(same_bits(train(problem, options, 75), expected));
      }
  }
}

TEST_CASE("gpu: 784-392-196-392-784 follows the oracle, and the CPU engine goes on from there") {
  if (no_gpu()) return;
  test::EngineProblem problem = tutorial_problem();
  problem.plan.optimizer.beta1 = 0;
  cuda::CudaOptions options = with(Arithmetic::fp32);
  // Evaluation then runs products of the steps' shapes: its outputs are the steps', bit for bit.
  options.forward_rows = problem.plan.batch;
  const auto engine = cuda::make_cuda_engine(problem.plan, options);
  engine->set_state(problem.state);
  test::check_steps_by_2x_rule(*engine, problem, 3);
  engine->run(20);
  problem.state = engine->state();
  const auto cpu_engine = cpu::make_cpu_engine(problem.plan, {});
  cpu_engine->set_state(problem.state);
  CHECK(same_bits(cpu_engine->state(), problem.state));
  test::check_steps_by_2x_rule(*cpu_engine, problem, 1);
  test::check_evaluation_sums(*engine, problem.plan.train);
}

TEST_CASE("gpu: steps, evaluation and forward of a small network are the oracle's within 16 u") {
  if (no_gpu()) return;
  test::EngineProblem problem({24, 16, 8, 16, 24}, Activation::gelu, 12, PixelType::u8);
  problem.plan.network.activations.back() = Activation::linear;
  cuda::CudaOptions options = with(Arithmetic::fp32);
  options.forward_rows = problem.plan.batch;
  const auto engine = cuda::make_cuda_engine(problem.plan, options);
  engine->set_state(problem.state);
  test::check_evaluation_sums(*engine, problem.plan.train);
  test::check_unit_ranges(*engine, problem);
  test::check_forward(*engine, problem, 53);
  test::check_steps(*engine, problem, 9);
}
