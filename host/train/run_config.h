// What a checkpoint says of its run: the recipe, and which data it was trained on.
#pragma once

#include <string>
#include <string_view>

#include "hourglass/engine.h"
#include "hourglass/images.h"
#include "hourglass/recipe.h"

namespace hourglass {

[[nodiscard]] std::string run_config(const Recipe& recipe, const DataSet& data,
                                     Precision precision);

/// The recipe in a checkpoint's configuration. Throws ModelError when there is none.
[[nodiscard]] Recipe recipe_of_run(std::string_view config);

/// The precision of the run. Throws ModelError when there is none.
[[nodiscard]] Precision precision_of_run(std::string_view config);

/// Throws ModelError when `data` are not the ones the run was started with: another number or size
/// of training images, or other pixels.
void require_same_data(std::string_view config, const DataSet& data);

}  // namespace hourglass
