// The JSON header of a safetensors file: parsed strictly, built, checksummed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hourglass/safetensors.h"

namespace hourglass {

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  // in the order of their bytes
  Metadata metadata;
};

/// Parses and checks a header whose data section has `data_bytes` bytes. Throws JsonError.
[[nodiscard]] SafetensorsHeader parse_header(std::string_view text, std::uint64_t data_bytes);

/// The header's JSON, padded with spaces so that data begins at a multiple of 8 bytes.
[[nodiscard]] std::string header_text(std::span<const TensorInfo> tensors,
                                      const Metadata& metadata);

/// Number of bytes of a tensor. Throws JsonError when it does not fit 63 bits.
[[nodiscard]] std::uint64_t tensor_bytes(Dtype dtype, const std::vector<std::int64_t>& shape);

/// zlib's CRC-32 as eight hexadecimal digits.
[[nodiscard]] std::string crc32_text(const void* data, std::size_t bytes);

/// CRC-32 of names, types, shapes and metadata, in an order that does not depend on who wrote the
/// header. `metadata` is without `crc32`.
[[nodiscard]] std::string header_crc32(std::span<const TensorInfo> tensors,
                                       const Metadata& metadata);

/// The keys that the format and hourglass reserve.
inline constexpr std::string_view metadata_key = "__metadata__";
inline constexpr std::string_view checksums_key = "crc32";

}  // namespace hourglass
