// From the words of the command line to an engine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "hourglass/engine.h"
#include "hourglass/initialise.h"

namespace hourglass {

/// Steps [first, last) of a run, numbered from 0; none if empty.
struct StepRange {
  std::int64_t first = 0;
  std::int64_t last = 0;

  [[nodiscard]] bool empty() const { return first >= last; }
};

struct EngineRequest {
  std::string device = "auto";         // auto, cpu, reference, cuda, cuda:INDEX
  std::optional<Precision> precision;  // none: tf32 on a GPU, fp32 elsewhere
  std::string stream = "auto";         // where a GPU's training images are: auto, resident, stream
  int threads = 0;                     // 0: as many as the process may use
  bool check = false;                  // run the oracle beside it and compare
  bool graphs = true;                  // a GPU's steps: many in a launch, or kernel by kernel
  StepRange profile_steps;             // those that a GPU profiler is to see
  bool cpu_may_stand_in = false;       // set by resolve(): `auto` took the GPU

  /// Throws UsageError for unknown names and for what the device cannot do: TF32, streams, graphs
  /// and profiled steps are a GPU's, the reference engine computes in double on one thread.
  void validate() const;
  [[nodiscard]] bool is_cuda() const;
  /// Threads of what runs on the CPU whatever the device is.
  [[nodiscard]] int cpu_threads() const;
};

/// A request with a device and a precision.
struct ResolvedRequest {
  EngineRequest request;
  std::string note;  // why `auto` is not the GPU that the build could use; empty otherwise
};

[[nodiscard]] std::string_view name(Precision precision);
[[nodiscard]] Precision parse_precision(std::string_view text);

/// Reads "A:B": steps A to B - 1. Throws UsageError for anything else, and unless A is below B.
[[nodiscard]] StepRange parse_profile_steps(std::string_view text);
/// "A:B".
[[nodiscard]] std::string to_string(const StepRange& steps);

/// What a request comes to on this machine. Throws UsageError, and DeviceError for a device that is
/// not there.
[[nodiscard]] ResolvedRequest resolve(const EngineRequest& request);

/// An engine, and what the request came to.
struct ChosenEngine {
  std::unique_ptr<Engine> engine;
  EngineRequest request;
  std::string note;  // why the CPU stands in for the GPU that `auto` had taken; empty otherwise
};

/// The engine for `plan`. Where `auto` took a GPU that then turns out to be taken by others, or to
/// have too little memory, the CPU stands in for it, in fp32 unless bf16 was asked for. Throws what
/// resolve() throws, and DeviceError for a GPU asked for by name.
[[nodiscard]] ChosenEngine choose_engine(const TrainingPlan& plan, const EngineRequest& request);

/// Principal components of `images` as initialise.h has them, for a resolved request: where that is
/// for a GPU with memory to spare, their moments are computed there.
[[nodiscard]] PrincipalComponents principal_components(const Images& images, std::int64_t count,
                                                       const EngineRequest& request);

}  // namespace hourglass
