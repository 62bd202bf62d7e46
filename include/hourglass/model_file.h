// A trained network on disk, as Python's safetensors and PyTorch read it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hourglass/network_spec.h"

namespace hourglass {

/// What `model.safetensors` holds.
struct ModelFile {
  NetworkSpec network;
  std::vector<float> parameters;  // the arena of parameter_layout(network)
  std::int64_t rows = 0;          // of an image; rows * cols is the network's input width
  std::int64_t cols = 0;
  /// A JSON object: preprocessing, data set and its hashes, metrics, version, as the writer likes.
  std::string metadata_json = "{}";
  bool checked = false;  // set by load_model: the file carries checksums, and they match
};

/// Writes tensors `layers.0.weight` (out, in), `layers.0.bias` (out), ... in F32 and the metadata
/// key `hourglass`: one JSON object of `metadata_json`'s keys and `format`, `widths`,
/// `activations`, `image`, `checksums`. Atomic. Throws IoError, and ModelError for a model that
/// contradicts itself.
void save_model(const std::filesystem::path& path, const ModelFile& model);

/// Reads a model, or `model.safetensors` inside a run directory. Throws ModelError for anything
/// missing, left over or of another shape. A file written elsewhere with the `hourglass` key but no
/// checksums (and no `checksums` in that key) loads with `checked` false.
[[nodiscard]] ModelFile load_model(const std::filesystem::path& path);

}  // namespace hourglass
