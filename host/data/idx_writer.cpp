#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <system_error>

#include "data/idx.h"
#include "hourglass/data.h"

namespace hourglass {
namespace {

/// Writes PATH.part and renames it to PATH in `commit`; without that it is removed again.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path)
      : path_(path),
        part_(path + ".part"),
        file_(open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (file_ < 0) fail("create");
  }
  ~OutputFile() {
    if (file_ >= 0) close(file_);
    if (!done_) unlink(part_.c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void commit() {
    if (fsync(file_) != 0) fail("sync");
    const int status = close(file_);
    file_ = -1;
    if (status != 0) fail("close");
    if (std::rename(part_.c_str(), path_.c_str()) != 0) fail("rename");
    done_ = true;
  }

 private:
  [[noreturn]] void fail(const char* action) {
    throw IoError(Finding{path_, "a file that can be written",
                          std::string("cannot ") + action + " " + part_ + ": " +
                              std::generic_category().message(errno),
                          "Check the folder, its permissions and the disk's space."});
  }

  std::string path_;
  std::string part_;
  int file_;
  bool done_ = false;
};

std::vector<std::byte> header_bytes(const std::string& path, IdxType type,
                                    std::span<const std::int64_t> dims) {
  std::vector<std::byte> header{std::byte{0}, std::byte{0}, static_cast<std::byte>(type),
                                static_cast<std::byte>(dims.size())};
  for (const std::int64_t dim : dims) {
    if (dim < 1 || dim > std::numeric_limits<std::uint32_t>::max())
      throw IoError(Finding{path, "dimensions of 1 to 2^32 - 1, as IDX can hold", shape_text(dims),
                            "Write fewer images."});
    for (int shift = 24; shift >= 0; shift -= 8)
      header.push_back(static_cast<std::byte>((dim >> shift) & 0xff));
  }
  return header;
}

// Native floats to big-endian, in pieces that stay in the cache.
void write_floats(OutputFile& file, std::span<const std::byte> pixels) {
  std::vector<std::uint32_t> piece(std::size_t{16} << 10);
  while (!pixels.empty()) {
    const std::size_t bytes = std::min(pixels.size(), piece.size() * sizeof(float));
    std::memcpy(piece.data(), pixels.data(), bytes);
    for (std::size_t i = 0; i < bytes / sizeof(float); ++i) piece[i] = __builtin_bswap32(piece[i]);
    file.write(std::as_bytes(std::span(piece)).first(bytes));
    pixels = pixels.subspan(bytes);
  }
}

}  // namespace

void write_idx(const std::string& path, const Images& images) {
  const bool floats = images.type == PixelType::f32;
  const std::vector<std::int64_t> dims{images.count, images.rows, images.cols};
  const auto header = header_bytes(path, floats ? IdxType::f32 : IdxType::u8, dims);
  OutputFile file(path);
  file.write(header);
  const std::span pixels(images.pixels,
                         static_cast<std::size_t>(images.count * images.row_bytes()));
  if (floats) {
    write_floats(file, pixels);
  } else {
    file.write(pixels);
  }
  file.commit();
}

void write_idx_labels(const std::string& path, std::span<const std::int32_t> labels) {
  const std::vector<std::int64_t> dims{static_cast<std::int64_t>(labels.size())};
  const auto header = header_bytes(path, IdxType::u8, dims);
  std::vector<std::byte> bytes;
  bytes.reserve(labels.size());
  for (const std::int32_t label : labels) {
    if (label < 0 || label > 255)
      throw IoError(Finding{path, "labels in 0..255", "label " + std::to_string(label),
                            "Renumber the labels."});
    bytes.push_back(static_cast<std::byte>(label));
  }
  OutputFile file(path);
  file.write(header);
  file.write(bytes);
  file.commit();
}

}  // namespace hourglass
