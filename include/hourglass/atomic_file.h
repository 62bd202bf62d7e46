// Files that are whole or not there: written beside the target, synced, then renamed over it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace hourglass {

/// Writes a file so that its path holds the old contents or the new ones, whatever happens: a
/// temporary file `.NAME.tmp-PID-N` in the same directory, then fsync, rename and fsync of the
/// directory (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). A symbolic link
/// to a file is written through; a directory or a device is refused. Every member throws IoError.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& target);
  /// Removes the temporary file unless `commit` has put it in place.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends `bytes` bytes.
  void write(const void* data, std::size_t bytes);
  /// Overwrites bytes already written; the end of the file stays where it is.
  void write_at(std::uint64_t offset, const void* data, std::size_t bytes);
  /// Puts the file in place. No write may follow.
  void commit();

 private:
  void create_temporary();
  void check_written(long written) const;

  std::filesystem::path target_;
  std::filesystem::path temporary_;  // empty: none to remove
  int descriptor_ = -1;
};

/// Writes `contents` to `path` through an AtomicFile. Throws IoError.
void write_file(const std::filesystem::path& path, std::string_view contents);

/// Removes the temporary files that killed processes left in `directory`, and says how many. A file
/// that is still being written is locked by its writer and stays.
std::size_t remove_stale_temporaries(const std::filesystem::path& directory);

}  // namespace hourglass
