// Product algorithms once chosen, pinned in files: the choice is made by the clock, and results
// must not depend on the clock of the day.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace hourglass::cuda {

/// A library's own description of an algorithm, opaque.
using AlgorithmWords = std::array<std::uint64_t, 8>;

/// One small text file for every product; the first one written stays.
class AlgorithmCache {
 public:
  explicit AlgorithmCache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// `$XDG_CACHE_HOME/hourglass/products`, else that of `$HOME/.cache`; empty if neither is set.
  [[nodiscard]] static std::filesystem::path default_directory();

  /// The algorithm pinned for `key`, one line that names library, GPU and product in full. None
  /// where there is no such file, or a damaged one.
  [[nodiscard]] std::optional<AlgorithmWords> find(const std::string& key) const;

  /// Pins an algorithm, unless another process was first. Whether `find` has one now; no throw: a
  /// cache that cannot be written is no reason not to train.
  bool pin(const std::string& key, const AlgorithmWords& words) const;

  /// Takes back the pin of an algorithm that does not run any more, unless another process has put
  /// another one in its place. No throw.
  void drop(const std::string& key, const AlgorithmWords& words) const;

 private:
  [[nodiscard]] std::filesystem::path file(const std::string& key) const;

  std::filesystem::path directory_;
};

}  // namespace hourglass::cuda
