// What a checkpoint says of its run: the recipe, and which data it was trained on.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "hourglass/images.h"
#include "hourglass/recipe.h"

namespace hourglass {

[[nodiscard]] std::string run_config(const Recipe& recipe, const DataSet& data);

/// The recipe in a checkpoint's configuration. Throws ModelError when there is none.
[[nodiscard]] Recipe recipe_of_run(std::string_view config);

/// Throws ModelError when `data` are not the ones the run was started with: another number of
/// training images or another file.
void require_same_data(std::string_view config, const DataSet& data);

}  // namespace hourglass
