// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hourglass {

/// Which code computes the hash; all give the same digest.
enum class Sha256Code { portable, sha_ni };

/// Whether this CPU has the SHA extensions.
bool has_sha_ni();

/// Incremental SHA-256: any number of `update`, then one `finish`.
class Sha256 {
 public:
  Sha256() : Sha256(has_sha_ni() ? Sha256Code::sha_ni : Sha256Code::portable) {}
  /// With `sha_ni` only where `has_sha_ni()`.
  explicit Sha256(Sha256Code code);

  void update(std::span<const std::byte> bytes);
  /// The digest as 64 lower-case hexadecimal digits.
  std::string finish();

 private:
  using Compress = void (*)(std::uint32_t* state, const std::byte* blocks, std::size_t count);

  Compress compress_;
  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, 64> pending_{};
  std::size_t pending_bytes_ = 0;
  std::uint64_t total_bytes_ = 0;
};

/// SHA-256 of a range of memory, hexadecimal.
std::string sha256(std::span<const std::byte> bytes);

/// SHA-256 of a file as it lies on disk, hexadecimal. Throws DataError when it cannot be read.
std::string sha256_file(const std::string& path);

}  // namespace hourglass
