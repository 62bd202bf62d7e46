// A file as bytes in memory, without a copy.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hourglass {

/// A whole file mapped read-only. The file must not shrink while it is mapped.
class MappedFile {
 public:
  /// Throws DataError when `path` is missing, unreadable or not a regular file.
  explicit MappedFile(std::string path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hourglass
