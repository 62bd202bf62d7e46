// The directory a run leaves behind, and the rule that none is overwritten by accident.
#pragma once

#include <filesystem>
#include <string>

namespace hourglass {

class RunDirectory {
 public:
  enum class Open { create, replace, resume };

  /// create: throws UsageError when `path` holds a run already; replace: removes that run's files;
  /// resume: throws ModelError when there is no checkpoint. Temporary files of killed runs are
  /// removed. Throws IoError when the directory cannot be made or written.
  RunDirectory(std::filesystem::path path, Open mode);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path model() const { return path_ / "model.safetensors"; }
  [[nodiscard]] std::filesystem::path checkpoint() const {
    return path_ / "checkpoint.safetensors";
  }
  [[nodiscard]] std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  [[nodiscard]] std::filesystem::path config() const { return path_ / "config.json"; }
  [[nodiscard]] std::filesystem::path environment() const { return path_ / "environment.json"; }
  [[nodiscard]] std::filesystem::path reconstructions() const {
    return path_ / "reconstructions.png";
  }
  [[nodiscard]] std::filesystem::path loss_curve() const { return path_ / "loss.png"; }
  [[nodiscard]] std::filesystem::path report() const { return path_ / "report.md"; }

 private:
  std::filesystem::path path_;
};

}  // namespace hourglass
