// metrics.jsonl: what a run logs and what is read back from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "hourglass/json_lines.h"
#include "hourglass/picture.h"
#include "hourglass/trainer.h"

namespace hourglass {

/// Appends lines such as {"event":"step","step":12,"loss":0.0123,"lr":0.003} and
/// {"event":"epoch","step":365,"epoch":0,"loss":...,"validation":{...}}. `step` counts from 0.
class MetricsLog {
 public:
  /// Goes on after step `steps_done - 1`: later lines are dropped first.
  MetricsLog(const std::filesystem::path& path, std::int64_t steps_done);

  void step(const StepReport& report, double learning_rate);
  void epoch(const EpochReport& report);

 private:
  JsonLines lines_;
};

/// What the log of a run says so far.
struct MetricsHistory {
  std::vector<CurvePoint> batch_losses;       // x in epochs
  std::vector<CurvePoint> validation_losses;  // x in epochs
  std::vector<double> epoch_losses;
};

[[nodiscard]] MetricsHistory read_metrics(const std::filesystem::path& path,
                                          std::int64_t steps_per_epoch);

}  // namespace hourglass
