// What tests of the CUDA engine on the emulator share.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cuda/cuda_engine.h"
#include "emulator/control.h"
#include "support/engine_problem.h"

namespace hourglass::test {

/// Options for small problems: few rows at a time, so that evaluation takes several blocks.
inline cuda::CudaOptions cuda_options(cuda::Arithmetic arithmetic = cuda::Arithmetic::fp32) {
  cuda::CudaOptions options;
  options.arithmetic = arithmetic;
  options.forward_rows = 16;
  return options;
}

inline EngineProblem small_problem(Activation activation = Activation::gelu,
                                   PixelType type = PixelType::u8) {
  return EngineProblem({24, 16, 8, 16, 24}, activation, 12, type);
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

inline bool same_bits(const TrainingState& a, const TrainingState& b) {
  return same_bits(a.parameters, b.parameters) && same_bits(a.first_moment, b.first_moment) &&
         same_bits(a.second_moment, b.second_moment) && a.step == b.step &&
         a.skipped_steps == b.skipped_steps;
}

inline bool same_bits(const std::vector<StepReport>& a, const std::vector<StepReport>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].step != b[i].step || std::memcmp(&a[i].loss, &b[i].loss, sizeof(double)) != 0 ||
        a[i].nonfinite_layer != b[i].nonfinite_layer)
      return false;
  return true;
}

/// Whether a runtime call gives something back; where it fails, nobody can be told.
inline bool is_release(const std::string& call) {
  return call.find("Free") != std::string::npos || call.find("Destroy") != std::string::npos;
}

/// What a training leaves, for comparisons.
struct Outcome {
  TrainingState state;
  std::vector<StepReport> reports;
};

/// Trains `steps` steps in portions of `portion`, reading reports in between, from a fresh
/// emulator.
inline Outcome train_on_emulator(const EngineProblem& problem, const cuda::CudaOptions& options,
                                 std::int64_t steps, std::int64_t portion, std::uint64_t seed) {
  emulator::reset(seed);
  const auto engine = cuda::make_cuda_engine(problem.plan, options);
  engine->set_state(problem.state);
  Outcome outcome;
  const auto take = [&] {
    for (const StepReport& report : engine->take_reports()) outcome.reports.push_back(report);
  };
  for (std::int64_t done = 0; done < steps; done += portion) {
    engine->run(std::min(portion, steps - done));
    take();
  }
  engine->synchronize();
  take();
  outcome.state = engine->state();
  return outcome;
}

}  // namespace hourglass::test
