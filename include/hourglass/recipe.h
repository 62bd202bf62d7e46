// A recipe: what to train and how, as the command line, a JSON file and config.json say it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hourglass/activation.h"
#include "hourglass/initialise.h"
#include "hourglass/network_spec.h"
#include "hourglass/optimizer.h"

namespace hourglass {

struct Recipe {
  std::string preset = "principal";
  std::string data = "mnist";        // as DataRequest::source
  std::int64_t limit = -1;           // as DataRequest::limit
  std::vector<std::int64_t> widths;  // empty: the preset's, scaled to the data's width
  Activation hidden = Activation::gelu;
  Activation code = Activation::linear;
  Activation output = Activation::linear;
  Initialisation init = Initialisation::principal;
  OptimizerSpec optimizer;
  std::int64_t batch = 150;
  std::int64_t epochs = 5;
  std::uint64_t seed = 0;

  /// Throws UsageError for a batch or number of epochs below 1, and for what OptimizerSpec and
  /// NetworkSpec refuse.
  void validate() const;

  /// The network for images of `input_width` pixels. Throws UsageError when `widths` does not begin
  /// with that number, or when the data are too narrow for the preset.
  [[nodiscard]] NetworkSpec network(std::int64_t input_width) const;
  /// Steps of an epoch: whole batches in a pass over the images, at least 1.
  [[nodiscard]] std::int64_t steps_per_epoch(std::int64_t images) const;
};

/// Names of the presets, for help texts.
[[nodiscard]] const std::vector<std::string_view>& preset_names();
[[nodiscard]] std::string_view preset_summary(std::string_view preset);

/// The preset `name`: "principal" (the default), "tutorial" or "hinton06". Throws UsageError.
[[nodiscard]] Recipe preset(std::string_view name);

/// The recipe as a JSON object (the content of config.json), and back: keys that are there replace
/// those of `base`; unknown keys and wrong types throw UsageError naming the nearest key.
[[nodiscard]] std::string to_json(const Recipe& recipe);
[[nodiscard]] Recipe recipe_from_json(std::string_view text, const Recipe& base);
/// The value of "preset" in a JSON recipe, or `otherwise`. Throws UsageError for damaged JSON.
[[nodiscard]] std::string preset_of_json(std::string_view text, std::string_view otherwise);

}  // namespace hourglass
