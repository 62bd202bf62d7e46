// A training result as JSON and as a table.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "hourglass/trainer.h"
#include "hourglass/version.h"
#include "train/result_json.h"

namespace hourglass {
namespace {

using Json = nlohmann::ordered_json;

std::string hexadecimal(std::uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

template <typename... Args>
std::string format(const char* pattern, Args... args) {
  std::array<char, 512> text{};
  std::snprintf(text.data(), text.size(), pattern, args...);
  return text.data();
}

std::string quality_row(const char* label, const Quality& quality) {
  return format("%-26s %9.5f  %8.3f  %10.3f\n", label, quality.mse, quality.se, quality.se_clipped);
}

/// One sentence, in figures that its digits can bear.
std::string comparison(double network_se, double pca_se) {
  if (!(pca_se >= 0.0005))  // the table shows 0.000
    return "The images hold nothing that PCA of this size would miss.";
  const double ratio = network_se / pca_se;
  const auto percent_less = [](double share) {
    return static_cast<int>(std::lround(100 * (1 - share)));
  };
  if (!(ratio < 2))
    return format("This network has %.1f times the error of PCA of its size.", ratio);
  const int percent = percent_less(std::min(ratio, 1 / ratio));
  if (percent == 0) return "This network has as much error as PCA of its size.";
  return format(ratio < 1 ? "This network has %d %% less error than PCA of its size."
                          : "PCA of the same size has %d %% less error than this network.",
                percent);
}

}  // namespace

std::string to_json(const TrainResult& result, const TrainRequest& request) {
  Json object{{"hourglass", version()},
              {"dataset", dataset_json(request.data)},
              {"preset", result.recipe.preset},
              {"network", result.network.describe()},
              {"engine", result.engine.name},
              {"device", result.engine.device},
              {"precision", result.engine.precision},
              {"threads", result.engine.threads},
              {"seed", result.recipe.seed},
              {"epochs", result.recipe.epochs},
              {"steps", result.steps},
              {"batch", result.recipe.batch},
              {"skipped_steps", result.skipped_steps},
              {"losses", result.losses},
              {"seconds",
               {{"setup", result.seconds_setup},
                {"train", result.seconds_train},
                {"evaluate", result.seconds_evaluate}}},
              {"steps_now", result.steps_now},
              {"ms_per_step", result.steps_now > 0 ? Json(result.ms_per_step) : Json()},
              {"parameters_hash", hexadecimal(result.parameters_hash)},
              {"run_directory", request.directory.string()}};
  if (result.signal != 0) {
    object["interrupted_by_signal"] = result.signal;
    return object.dump();
  }
  object["validation"] = quality_json(result.validation);
  object["test"] = quality_json(result.test);
  object["pca"] = pca_json(result.pca);
  object["dead"] = dead_json(result.dead);
  return object.dump();
}

std::string result_table(const TrainResult& result, const TrainRequest& request) {
  std::string text;
  if (!request.data.note.empty()) text += "note: " + request.data.note + "\n\n";
  text += format("%-26s %9s  %8s  %10s\n", "", "MSE", "SE", "SE clipped");
  text += quality_row("validation", result.validation);
  text += quality_row("test", result.test);
  if (result.pca) {
    const std::string label =
        "test, PCA with " + std::to_string(result.pca->components) + " numbers";
    text += quality_row(label.c_str(), result.pca->test);
    text += "\n" + comparison(result.test.se, result.pca->test.se) + "\n";
  }
  text += format("dead units: %lld of %lld in the code; %lld output pixels that never light\n",
                 static_cast<long long>(result.dead.code),
                 static_cast<long long>(result.network.code_width()),
                 static_cast<long long>(result.dead.outputs));
  text +=
      format("SE: squared error summed over an image's pixels, mean over images; MSE = SE / %lld\n",
             static_cast<long long>(result.network.output_width()));
  const auto batch = static_cast<long long>(result.recipe.batch);
  text += result.steps_now == 0 ? format("%lld steps of %lld images, all done before",
                                         static_cast<long long>(result.steps), batch)
                                : format("%lld steps of %lld images in %.2f s (%.3f ms each)",
                                         static_cast<long long>(result.steps_now), batch,
                                         result.seconds_train, result.ms_per_step);
  return text + format(", %s %s on %s\n", result.engine.name.c_str(),
                       result.engine.precision.c_str(), result.engine.device.c_str());
}

}  // namespace hourglass
