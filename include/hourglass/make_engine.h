// From the words of the command line to an engine.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "hourglass/engine.h"

namespace hourglass {

struct EngineRequest {
  std::string device = "auto";         // auto, cpu, reference, cuda, cuda:INDEX
  std::optional<Precision> precision;  // none: tf32 on a GPU, fp32 elsewhere
  std::string stream = "auto";         // where a GPU's training images are: auto, resident, stream
  int threads = 0;                     // 0: as many as the process may use
  bool check = false;                  // run the oracle beside it and compare

  /// Throws UsageError for unknown names and for what the device cannot do: TF32 and streams are a
  /// GPU's, the reference engine computes in double on one thread.
  void validate() const;
  [[nodiscard]] bool is_cuda() const;
};

/// A request with a device and a precision.
struct ResolvedRequest {
  EngineRequest request;
  std::string note;  // why `auto` is not the GPU that the build could use; empty otherwise
};

[[nodiscard]] std::string_view name(Precision precision);
[[nodiscard]] Precision parse_precision(std::string_view text);

/// What a request comes to on this machine. Throws UsageError, and DeviceError for a device that is
/// not there.
[[nodiscard]] ResolvedRequest resolve(const EngineRequest& request);

/// The engine for `plan`. Throws what resolve() throws.
[[nodiscard]] std::unique_ptr<Engine> make_engine(const TrainingPlan& plan,
                                                  const EngineRequest& request);

}  // namespace hourglass
