// A log of JSON objects, one a line, that survives being killed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace hourglass {

/// Appends lines to a file, each with one write(), so that a killed process leaves whole lines and
/// at most one torn one at the end. Throws IoError.
class JsonLines {
 public:
  explicit JsonLines(const std::filesystem::path& path);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  /// Appends a JSON object without line breaks; adds the line's end.
  void append(std::string_view object);

 private:
  std::filesystem::path path_;
  int descriptor_;
};

/// Prepares a log for a run that goes on from `step`: drops the lines whose "step" is larger, and
/// lines that are no JSON object (a torn last one). Rewrites the file atomically, only if something
/// is to be dropped. Returns the number of lines dropped; 0 for a missing file. Throws IoError.
std::int64_t truncate_after_step(const std::filesystem::path& path, std::int64_t step);

}  // namespace hourglass
