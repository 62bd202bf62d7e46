// Everything a run needs to go on bit for bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "hourglass/engine.h"
#include "hourglass/network_spec.h"

namespace hourglass {

/// What `checkpoint.safetensors` holds.
struct Checkpoint {
  NetworkSpec network;
  std::int64_t rows = 0;  // of an image
  std::int64_t cols = 0;
  TrainingState state;
  std::uint64_t seed = 0;
  std::string config_json = "{}";  // a JSON object: the run's resolved configuration
};

/// Writes the model's tensors and `moment1.layers.0.weight`, ..., `moment2.layers.0.weight`, ...;
/// the metadata key `hourglass` adds `step`, `skipped_steps` and `seed` (decimal strings, because
/// JSON readers lose bits of large numbers) and `config`. Atomic. Throws IoError, and ModelError
/// for a state that is not the network's.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Reads a checkpoint, or `checkpoint.safetensors` inside a run directory. Throws ModelError.
[[nodiscard]] Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace hourglass
