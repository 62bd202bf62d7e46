#include "data/sha256.h"

#include <algorithm>
#include <bit>

#include "data/mapped_file.h"
#include "data/sha256_blocks.h"

namespace hourglass {
namespace detail {

void sha256_portable(std::uint32_t* state, const std::byte* blocks, std::size_t count) {
  for (; count > 0; --count, blocks += 64) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t t = 0; t < 16; ++t)
      for (std::size_t i = 0; i < 4; ++i)
        w[t] = (w[t] << 8) | std::to_integer<std::uint32_t>(blocks[4 * t + i]);
    for (std::size_t t = 16; t < 64; ++t) {
      const std::uint32_t x = w[t - 15];
      const std::uint32_t y = w[t - 2];
      const std::uint32_t s0 = std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3);
      const std::uint32_t s1 = std::rotr(y, 17) ^ std::rotr(y, 19) ^ (y >> 10);
      w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
    std::array<std::uint32_t, 8> v{};
    std::copy_n(state, 8, v.begin());
    for (std::size_t t = 0; t < 64; ++t) {
      const auto [a, b, c, d, e, f, g, h] = v;
      const std::uint32_t big1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t big0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t1 = h + big1 + ((e & f) ^ (~e & g)) + sha256_constants[t] + w[t];
      const std::uint32_t t2 = big0 + ((a & b) ^ (a & c) ^ (b & c));
      v = {t1 + t2, a, b, c, d + t1, e, f, g};
    }
    for (std::size_t i = 0; i < 8; ++i) state[i] += v[i];
  }
}

}  // namespace detail

Sha256::Sha256(Sha256Code code)
    : compress_(code == Sha256Code::sha_ni ? detail::sha256_sha_ni : detail::sha256_portable),
      state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::update(std::span<const std::byte> bytes) {
  total_bytes_ += bytes.size();
  if (pending_bytes_ > 0) {
    const std::size_t taken = std::min(bytes.size(), pending_.size() - pending_bytes_);
    std::copy_n(bytes.begin(), taken,
                pending_.begin() + static_cast<std::ptrdiff_t>(pending_bytes_));
    pending_bytes_ += taken;
    bytes = bytes.subspan(taken);
    if (pending_bytes_ < pending_.size()) return;
    compress_(state_.data(), pending_.data(), 1);
    pending_bytes_ = 0;
  }
  const std::size_t blocks = bytes.size() / 64;
  compress_(state_.data(), bytes.data(), blocks);
  const auto rest = bytes.subspan(64 * blocks);
  std::copy(rest.begin(), rest.end(), pending_.begin());
  pending_bytes_ = rest.size();
}

std::string Sha256::finish() {
  const std::uint64_t bits = 8 * total_bytes_;
  std::array<std::byte, 72> tail{std::byte{0x80}};
  // One 0x80, zeros up to 8 bytes short of a block, the length in bits.
  const std::size_t zeros_end = 1 + (119 - pending_bytes_) % 64;
  for (std::size_t i = 0; i < 8; ++i)
    tail[zeros_end + i] = static_cast<std::byte>(bits >> (56 - 8 * i));
  update(std::span(tail).first(zeros_end + 8));

  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint32_t word : state_)
    for (int shift = 28; shift >= 0; shift -= 4) text += digits[(word >> shift) & 15U];
  return text;
}

std::string sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string sha256_file(const std::string& path) { return sha256(MappedFile(path).bytes()); }

}  // namespace hourglass
