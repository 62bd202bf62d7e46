// Inflating a gzip file (RFC 1952) of one member that lies in memory.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <span>
#include <string>

namespace hourglass {

/// The most that one byte of deflate data can grow to.
inline constexpr std::size_t max_inflation = 1032;

/// Whether the bytes begin as gzip does (1f 8b).
bool is_gzip(std::span<const std::byte> bytes);

/// Gives the contents of a gzip file piece by piece. Throws DataError, naming `path`, when the file
/// is cut short or damaged.
class Inflater {
 public:
  Inflater(std::string path, std::span<const std::byte> compressed);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `out` as far as the contents reach; returns the number of bytes written. Fewer than
  /// asked for means that the stream has ended and that its checksum and length are right.
  std::size_t read(std::span<std::byte> out);

  /// Compressed bytes behind the end of the stream; to be asked once `read` has seen that end.
  [[nodiscard]] std::size_t trailing_bytes() const;

 private:
  [[noreturn]] void fail(const std::string& found) const;

  std::string path_;
  std::span<const std::byte> waiting_;  // not yet handed to zlib
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace hourglass
