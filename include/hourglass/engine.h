// The one seam between training and what computes it. The trainer asks an engine to run a range of
// steps and reads reports; it never calls single operations. So a whole-epoch CUDA graph, a
// persistent kernel or several GPUs fit behind this interface without touching anything above it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hourglass/images.h"
#include "hourglass/network_spec.h"
#include "hourglass/optimizer.h"

namespace hourglass {

/// Of the matrix products; parameters, moments and sums are in single precision always. tf32:
/// operands rounded to 10 bits of mantissa, on NVIDIA GPUs only.
enum class Precision { fp32, bf16, tf32 };

/// All that training carries from one step to the next. Three flat arenas in the layout of
/// `parameter_layout`; a checkpoint is this and the plan.
struct TrainingState {
  std::vector<float> parameters;
  std::vector<float> first_moment;
  std::vector<float> second_moment;
  std::int64_t step = 0;           // steps done
  std::int64_t skipped_steps = 0;  // of these, how many left the parameters alone (NaN or Inf)
};

/// What a training run is, apart from its state: everything an engine needs to run step `s`.
struct TrainingPlan {
  NetworkSpec network;
  OptimizerSpec optimizer;
  std::int64_t batch = 150;
  std::uint64_t seed = 0;
  Images train;
};

/// What one finished step has to tell.
struct StepReport {
  std::int64_t step = 0;
  double loss = 0;  // MSE of the batch, before its update
  /// A layer whose output (the first such), else whose gradient (the last such), held a NaN, an Inf
  /// or a number too large to square; -1: none. Such a step changes neither parameters nor moments.
  int nonfinite_layer = -1;
};

/// Sums over a set of images, for quality figures and dead units.
struct Evaluation {
  std::int64_t images = 0;
  double se_sum = 0;                         // squared error over pixels and images
  double se_clipped_sum = 0;                 // the same with reconstructions clipped to [0, 1]
  std::vector<std::vector<float>> unit_min;  // [layer][unit], over the images
  std::vector<std::vector<float>> unit_max;
};

/// Which part of the network `forward` runs.
enum class Part { whole, encoder, decoder };

struct EngineInfo {
  std::string name;       // "cpu"
  std::string device;     // for people: "avx2, 2 threads, sparse input"
  std::string precision;  // "fp32", "bf16", "tf32"
  int threads = 1;
};

class Engine {
 public:
  virtual ~Engine() = default;

  [[nodiscard]] virtual EngineInfo info() const = 0;

  /// Takes over a state (copied in). Throws UsageError when its size is not the network's.
  virtual void set_state(const TrainingState& state) = 0;
  /// The state after all steps run so far; waits for them.
  [[nodiscard]] virtual TrainingState state() = 0;

  /// Runs `count` steps from the state's step on. May return before they are done.
  virtual void run(std::int64_t count) = 0;
  /// Reports of steps finished since the last call, in order, without waiting for running ones.
  [[nodiscard]] virtual std::vector<StepReport> take_reports() = 0;
  /// Waits until all steps are done.
  virtual void synchronize() = 0;

  /// MSE of step `step`'s batch with the parameters as they are now (the tutorial's printed loss).
  [[nodiscard]] virtual double batch_loss(std::int64_t step) = 0;
  [[nodiscard]] virtual Evaluation evaluate(const Images& images) = 0;
  /// `input` (rows, in-width of the part) to `output` (rows, out-width of the part), row-major.
  virtual void forward(Part part, const float* input, std::int64_t rows, float* output) = 0;
};

}  // namespace hourglass
