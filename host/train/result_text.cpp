// A training result as JSON and as a table.
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
              {"ms_per_step", result.ms_per_step},
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
    const double ratio = result.test.se / result.pca->test.se;
    if (!std::isfinite(ratio))
      text += "\nThe images hold nothing that PCA of this size would miss.\n";
    else if (ratio < 1)
      text +=
          format("\nThe code of %lld numbers holds an image with %.0f %% less error than PCA.\n",
                 static_cast<long long>(result.network.code_width()), 100 * (1 - ratio));
    else
      text +=
          format("\nPCA of the same size has %.1f times less error than this network.\n", ratio);
  }
  text += format("dead units: %lld of %lld in the code; %lld output pixels that never light\n",
                 static_cast<long long>(result.dead.code),
                 static_cast<long long>(result.network.code_width()),
                 static_cast<long long>(result.dead.outputs));
  text +=
      format("SE: squared error summed over an image's pixels, mean over images; MSE = SE / %lld\n",
             static_cast<long long>(result.network.output_width()));
  text +=
      format("%lld steps of %lld images in %.2f s (%.3f ms each), %s %s on %s\n",
             static_cast<long long>(result.steps_now), static_cast<long long>(result.recipe.batch),
             result.seconds_train, result.ms_per_step, result.engine.name.c_str(),
             result.engine.precision.c_str(), result.engine.device.c_str());
  return text;
}

}  // namespace hourglass
