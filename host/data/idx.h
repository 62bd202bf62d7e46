// IDX files, the format of MNIST: two zero bytes, a type, a rank, `rank` big-endian 32-bit
// dimensions, then the values, big-endian and row-major (http://yann.lecun.com/exdb/mnist/).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/mapped_file.h"

namespace hourglass {

enum class IdxType : std::uint8_t {
  u8 = 0x08,
  i8 = 0x09,
  i16 = 0x0B,
  i32 = 0x0C,
  f32 = 0x0D,
  f64 = 0x0E
};

/// "u8", "i16", ...
std::string idx_type_name(IdxType type);

/// Bytes of one value.
std::size_t idx_value_bytes(IdxType type);

/// Dimensions as people write them: "60000 x 28 x 28".
std::string shape_text(std::span<const std::int64_t> dims);

inline constexpr std::size_t max_idx_rank = 8;
/// The largest payload that is unpacked or converted into memory. A plain file of bytes is mapped
/// and may be larger.
inline constexpr std::uint64_t max_unpacked_bytes = std::uint64_t{16} << 30;

/// The values of an IDX file as they lie in it. `owner` keeps them alive.
struct IdxArray {
  std::string path;
  IdxType type = IdxType::u8;
  std::vector<std::int64_t> dims;  // each > 0
  std::shared_ptr<const void> owner;
  std::span<const std::byte> payload;  // big-endian
};

/// Reads an IDX file, plain (mapped, no copy) or gzip (by its magic, whatever the name). Header and
/// dimensions must give the payload's size exactly; that is checked before anything is allocated.
/// Throws DataError for anything else.
IdxArray read_idx(const std::string& path);

/// The same for a file that is mapped already.
IdxArray read_idx(const std::shared_ptr<const MappedFile>& file);

/// A buffer of `bytes` bytes, not initialised. Throws DataError naming `path` where memory ends.
std::shared_ptr<std::byte[]> data_buffer(const std::string& path, std::uint64_t bytes);

}  // namespace hourglass
