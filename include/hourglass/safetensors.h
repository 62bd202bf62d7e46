// The safetensors container: named tensors and text, no code. Format:
// https://github.com/huggingface/safetensors (README and `tensor.rs`).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hourglass {

/// The element types of the format that take whole bytes.
enum class Dtype {
  boolean,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  i64,
  u64,
  f64
};

/// The format's name, such as "F32".
[[nodiscard]] std::string_view name(Dtype dtype);
[[nodiscard]] std::int64_t byte_size(Dtype dtype);

using Metadata = std::map<std::string, std::string>;

/// A tensor to write: `data` holds the product of `shape` elements, row-major.
struct TensorView {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  const void* data = nullptr;
};

/// A tensor of a file; `begin` and `end` are byte offsets in the file's data section.
struct TensorInfo {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] std::uint64_t bytes() const { return end - begin; }
};

/// Writes a file atomically. Adds the metadata key `crc32`: a JSON object of the CRC-32 (zlib's,
/// eight lower-case hexadecimal digits) of every tensor's bytes by its name and, as `__metadata__`,
/// of everything else in the header. Throws IoError; ModelError for a name used twice.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const Metadata& metadata);

/// A file open for reading. The constructor checks all of the header: its length (at most
/// 100,000,000 bytes, inside the file), strict JSON without duplicate keys, known types, sizes that
/// are shape times type, offsets that cover the data section without hole or overlap. Nothing is
/// allocated by a number that was not checked against the file's size. Throws ModelError.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path);
  ~SafetensorsReader();

  [[nodiscard]] const std::filesystem::path& path() const;
  /// In the order of their bytes.
  [[nodiscard]] const std::vector<TensorInfo>& tensors() const { return tensors_; }
  /// Null when there is none of that name.
  [[nodiscard]] const TensorInfo* find(std::string_view name) const;
  /// Without `crc32`.
  [[nodiscard]] const Metadata& metadata() const { return metadata_; }
  /// Whether the file carries checksums. One written elsewhere has none, and loads.
  [[nodiscard]] bool checked() const { return !checksums_.empty(); }

  /// Reads `tensor.bytes()` bytes into `out`. Throws ModelError when the checksum is not theirs.
  void read(const TensorInfo& tensor, void* out) const;

 private:
  class File;
  void take_checksums();

  std::unique_ptr<File> file_;
  std::vector<TensorInfo> tensors_;
  Metadata metadata_;
  std::map<std::string, std::string> checksums_;  // by tensor
};

}  // namespace hourglass
