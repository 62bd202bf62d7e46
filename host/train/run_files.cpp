#include "train/run_files.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <vector>

#include "hourglass/atomic_file.h"
#include "hourglass/error.h"
#include "hourglass/model_file.h"
#include "hourglass/picture.h"
#include "hourglass/png.h"
#include "hourglass/version.h"
#include "train/metrics_log.h"
#include "train/result_json.h"

namespace hourglass {
namespace {

using Json = nlohmann::ordered_json;

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

}  // namespace

void write_model(const RunDirectory& directory, const TrainRequest& request,
                 const TrainResult& result, const TrainingState& state) {
  ModelFile model;
  model.network = result.network;
  model.parameters = state.parameters;
  model.rows = request.data.train.rows;
  model.cols = request.data.train.cols;
  model.metadata_json = Json{{"version", version()},
                             {"preprocessing", {{"u8", "x / 255"}, {"f32", "x"}}},
                             {"dataset", dataset_json(request.data)},
                             {"preset", result.recipe.preset},
                             {"seed", std::to_string(result.recipe.seed)},
                             {"steps", result.steps},
                             {"validation", quality_json(result.validation)},
                             {"test", quality_json(result.test)}}
                            .dump();
  save_model(directory.model(), model);
}

bool holds_result(const std::filesystem::path& directory, std::int64_t step) {
  std::error_code error;
  if (!std::filesystem::exists(directory / "report.md", error)) return false;
  try {
    const Json metadata = Json::parse(load_model(directory).metadata_json);
    return metadata.value("steps", std::int64_t{-1}) == step;
  } catch (const ModelError&) {
    return false;  // missing or damaged
  }
}

void write_environment(const RunDirectory& directory, const TrainRequest& request,
                       const EngineInfo& engine) {
  const Json environment{{"hourglass", version()},
                         {"started", utc_now()},
                         {"compiler", __VERSION__},
                         {"engine",
                          {{"name", engine.name},
                           {"device", engine.device},
                           {"precision", engine.precision},
                           {"threads", engine.threads}}},
                         {"dataset", dataset_json(request.data)}};
  write_file(directory.environment(), environment.dump(2) + "\n");
}

void write_reconstructions(const RunDirectory& directory, const TrainRequest& request,
                           Engine& engine) {
  const Images& test = request.data.test;
  const std::int64_t count = std::min(request.pictures, test.count);
  const auto size = static_cast<std::size_t>(count * test.width());
  std::vector<float> originals(size);
  std::vector<float> reconstructions(size);
  for (std::int64_t i = 0; i < count; ++i) test.read(i, originals.data() + i * test.width());
  engine.forward(Part::whole, originals.data(), count, reconstructions.data());
  write_png(
      directory.reconstructions(),
      reconstruction_grid(originals.data(), reconstructions.data(), count, test.rows, test.cols));
}

void write_report(const RunDirectory& directory, const TrainRequest& request,
                  const TrainResult& result, std::int64_t steps_per_epoch) {
  const MetricsHistory history = read_metrics(directory.metrics(), steps_per_epoch);
  LossCurve curve;
  curve.title = request.data.name + "  " + result.network.describe();
  curve.train = history.batch_losses;
  curve.validation = history.validation_losses;
  if (result.pca) {
    curve.reference = result.pca->test.mse;
    curve.reference_label = "PCA-" + std::to_string(result.pca->components);
  }
  write_png(directory.loss_curve(), loss_curve(curve));
  write_file(directory.report(),
             "# hourglass run\n\n```\n" + result_table(result, request) +
                 "```\n\n"
                 "Test images, originals above reconstructions above their difference:\n\n"
                 "![reconstructions](reconstructions.png)\n\n"
                 "Loss of every batch and on the validation images:\n\n![loss](loss.png)\n");
}

}  // namespace hourglass
