// The JSON of what several results and files state alike.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "hourglass/images.h"
#include "hourglass/quality.h"

namespace hourglass {

/// {"mse", "se", "se_clipped"}
[[nodiscard]] nlohmann::ordered_json quality_json(const Quality& quality);

/// The same and "components"; null without PCA.
[[nodiscard]] nlohmann::ordered_json pca_json(const std::optional<PcaQuality>& pca);

/// {"code", "outputs", "layers"}
[[nodiscard]] nlohmann::ordered_json dead_json(const DeadUnits& dead);

/// {"name", "builtin", "train", "validation", "test": images in each, "sha256": by file}
[[nodiscard]] nlohmann::ordered_json dataset_json(const DataSet& data);

}  // namespace hourglass
