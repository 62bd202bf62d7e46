#include "hourglass/recipe.h"

#include <algorithm>
#include <array>

#include "hourglass/error.h"
#include "hourglass/nearest.h"

namespace hourglass {
namespace {

struct Preset {
  std::string_view name;
  std::string_view summary;
  Recipe (*make)();
};

/// The default: starts as PCA and improves on it.
Recipe principal_preset() {
  Recipe recipe;
  recipe.optimizer.learning_rate = 3e-3;
  recipe.optimizer.beta1 = 0.95;
  recipe.optimizer.beta2 = 0.99;
  return recipe;
}

/// The TensorFlow tutorial, to the letter.
Recipe tutorial_preset() {
  Recipe recipe;
  recipe.preset = "tutorial";
  recipe.hidden = recipe.code = recipe.output = Activation::relu;
  recipe.init = Initialisation::variance_scaling;
  recipe.optimizer.learning_rate = 0.01;
  recipe.optimizer.form = AdamForm::tensorflow;
  recipe.optimizer.schedule = Schedule::constant;
  recipe.optimizer.warmup_steps = 0;
  return recipe;
}

/// The network of Hinton and Salakhutdinov (Science 313, 2006), without RBMs.
Recipe hinton06_preset() {
  Recipe recipe = principal_preset();
  recipe.preset = "hinton06";
  recipe.optimizer.learning_rate = 1e-3;
  return recipe;
}

constexpr std::array presets{
    Preset{"principal", "D-D/2-D/4-D/2-D, starts as PCA (default)", principal_preset},
    Preset{"tutorial", "D-D/2-D/4-D/2-D, ReLU everywhere, the TensorFlow tutorial's recipe",
           tutorial_preset},
    Preset{"hinton06", "D-1000-500-250-30-250-500-1000-D, starts as PCA", hinton06_preset}};

const Preset& find_preset(std::string_view name) {
  const auto found = std::ranges::find(presets, name, &Preset::name);
  if (found == presets.end()) throw UsageError(unknown_name("preset", name, preset_names()));
  return *found;
}

std::vector<std::int64_t> preset_widths(std::string_view preset, std::int64_t width) {
  if (preset == "hinton06") return {width, 1000, 500, 250, 30, 250, 500, 1000, width};
  return {width, std::max<std::int64_t>(1, width / 2), std::max<std::int64_t>(1, width / 4),
          std::max<std::int64_t>(1, width / 2), width};
}

}  // namespace

const std::vector<std::string_view>& preset_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> list;
    for (const Preset& preset : presets) list.push_back(preset.name);
    return list;
  }();
  return names;
}

std::string_view preset_summary(std::string_view preset) { return find_preset(preset).summary; }

Recipe preset(std::string_view name) { return find_preset(name).make(); }

void Recipe::validate() const {
  if (batch < 1 || batch > 10'000'000)
    throw UsageError(Finding{"--batch", "1 to 10000000 images", std::to_string(batch), "Try 150."});
  if (epochs < 1 || epochs > 10'000'000)
    throw UsageError(Finding{"--epochs", "1 to 10000000 epochs", std::to_string(epochs), "Try 5."});
  optimizer.validate();
  if (!widths.empty()) static_cast<void>(network(widths.front()));
}

NetworkSpec Recipe::network(std::int64_t input_width) const {
  NetworkSpec spec;
  spec.widths = widths.empty() ? preset_widths(preset, input_width) : widths;
  if (spec.widths.front() != input_width)
    throw UsageError("the network's input is " + std::to_string(spec.widths.front()) +
                     " wide, but the images have " + std::to_string(input_width) +
                     " pixels. Leave --widths out, or begin it with " +
                     std::to_string(input_width) + ".");
  if (spec.widths.size() < 3)
    throw UsageError(Finding{"--widths", "at least two layers, that is three widths",
                             std::to_string(spec.widths.size()),
                             "Write for example 784,196,784, or the encoder's alone: 784,196."});
  spec.activations.assign(spec.widths.size() - 1, hidden);
  spec.activations.back() = output;
  spec.activations[static_cast<std::size_t>(spec.encoder_layers() - 1)] = code;
  spec.validate();
  if (init == Initialisation::principal) require_principal(spec);
  return spec;
}

std::int64_t Recipe::steps_per_epoch(std::int64_t images) const {
  return std::max<std::int64_t>(1, images / batch);
}

}  // namespace hourglass
