#include "train/metrics_log.h"

#include <fstream>
#include <limits>
#include <string>

#include "train/result_json.h"

namespace hourglass {
namespace {

/// A number of a line; NaN where it is missing or was NaN, which JSON cannot say (null).
double number_or_nan(const nlohmann::ordered_json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

using Json = nlohmann::ordered_json;

MetricsLog::MetricsLog(const std::filesystem::path& path, std::int64_t steps_done)
    : lines_((truncate_after_step(path, steps_done - 1), path)) {}

void MetricsLog::step(const StepReport& report, double learning_rate) {
  Json line{{"event", "step"}, {"step", report.step}, {"loss", report.loss}, {"lr", learning_rate}};
  if (report.nonfinite_layer >= 0) line["nonfinite_layer"] = report.nonfinite_layer;
  lines_.append(line.dump());
}

void MetricsLog::epoch(const EpochReport& report) {
  const Json line{{"event", "epoch"},
                  {"step", report.steps_done - 1},
                  {"epoch", report.epoch},
                  {"loss", report.loss},
                  {"mean_loss", report.mean_loss},
                  {"validation", quality_json(report.validation)}};
  lines_.append(line.dump());
}

MetricsHistory read_metrics(const std::filesystem::path& path, std::int64_t steps_per_epoch) {
  MetricsHistory history;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    const Json line = Json::parse(text, nullptr, false);
    if (!line.is_object()) continue;  // a torn line
    const double epoch = static_cast<double>(line.value("step", std::int64_t{0}) + 1) /
                         static_cast<double>(steps_per_epoch);
    const double value = number_or_nan(line, "loss");
    if (line.value("event", "") == "step") {
      history.batch_losses.push_back({epoch, value});
    } else if (line.value("event", "") == "epoch") {
      history.epoch_losses.push_back(value);
      const Json validation = line.value("validation", Json::object());
      history.validation_losses.push_back({epoch, number_or_nan(validation, "mse")});
    }
  }
  return history;
}

}  // namespace hourglass
