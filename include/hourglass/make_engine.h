// From the words of the command line to an engine.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hourglass/engine.h"

namespace hourglass {

struct EngineRequest {
  std::string device = "auto";  // auto, cpu, reference, cuda, cuda:INDEX
  Precision precision = Precision::fp32;
  int threads = 0;     // 0: as many as the process may use
  bool check = false;  // run the oracle beside it and compare
};

[[nodiscard]] std::string_view name(Precision precision);
[[nodiscard]] Precision parse_precision(std::string_view text);

/// The engine for `plan`. Throws UsageError for an unknown device, DeviceError for one that is not
/// there.
[[nodiscard]] std::unique_ptr<Engine> make_engine(const TrainingPlan& plan,
                                                  const EngineRequest& request);

}  // namespace hourglass
