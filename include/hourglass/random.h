// Counter-based random numbers: every number is a function of (seed, purpose, index), so any
// engine, thread or resumed run sees the same ones and a checkpoint holds no generator.
//
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
// 2011. All functions are constexpr and can be called from device code.
#pragma once

#include <array>
#include <cstdint>

namespace hourglass {

/// What a random number is for; separates the streams of one seed. Values are part of the file
/// format of checkpoints: never renumber.
enum class Purpose : std::uint32_t { weights = 1, shuffle = 2, strokes = 3 };

/// Four 32-bit words for (seed, purpose, index).
constexpr std::array<std::uint32_t, 4> philox(std::uint64_t seed, Purpose purpose,
                                              std::uint64_t index, std::uint32_t sub_index = 0) {
  std::array<std::uint32_t, 4> c{static_cast<std::uint32_t>(index),
                                 static_cast<std::uint32_t>(index >> 32),
                                 static_cast<std::uint32_t>(purpose), sub_index};
  auto k0 = static_cast<std::uint32_t>(seed);
  auto k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

/// A double in (0, 1): 52 random bits, centred, so that neither end is reached.
constexpr double unit_interval(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t bits = ((std::uint64_t{high} << 32) | low) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

/// A keyed bijection on [0, size) without a table: a six-round Feistel network on the smallest even
/// number of bits that holds `size`, with cycle walking (Black and Rogaway, "Ciphers with arbitrary
/// finite domains", CT-RSA 2002). Four domain sizes at most are walked through for one index in the
/// mean.
class Permutation {
 public:
  constexpr Permutation(std::uint64_t seed, std::uint64_t epoch, std::uint64_t size) : size_(size) {
    while (half_bits_ < 32 && (std::uint64_t{1} << (2 * half_bits_)) < size) ++half_bits_;
    for (std::uint32_t i = 0; i < 2; ++i) {
      const auto words = philox(seed, Purpose::shuffle, epoch, i);
      for (std::size_t j = 0; j < 3; ++j) keys_[i * 3 + j] = words[j];
    }
  }

  [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t index) const {
    do {
      index = encrypt(index);
    } while (index >= size_);
    return index;
  }

 private:
  static constexpr std::uint32_t mix(std::uint32_t x) {  // finaliser of MurmurHash3
    x = (x ^ (x >> 16)) * 0x85EBCA6BU;
    x = (x ^ (x >> 13)) * 0xC2B2AE35U;
    return x ^ (x >> 16);
  }

  [[nodiscard]] constexpr std::uint64_t encrypt(std::uint64_t index) const {
    const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
    std::uint64_t left = index >> half_bits_;
    std::uint64_t right = index & mask;
    for (std::size_t round = 0; round < keys_.size(); ++round) {
      const std::uint64_t next =
          left ^ (mix(static_cast<std::uint32_t>(right) ^ keys_[round]) & mask);
      left = right;
      right = next;
    }
    return (left << half_bits_) | right;
  }

  std::uint64_t size_;
  unsigned half_bits_ = 1;
  std::array<std::uint32_t, 6> keys_{};
};

/// The endless stream of training images (design: one formula). Image `i` of step `s` is number
/// `p = s * batch + i`, which is image `permutation(seed, p div N)(p mod N)`.
class BatchStream {
 public:
  constexpr BatchStream(std::uint64_t seed, std::uint64_t images, std::uint64_t batch)
      : seed_(seed), images_(images), batch_(batch) {}

  /// Calls `visit(i, image)` for i in [first, last) of step `step`.
  template <typename Visit>
  constexpr void visit(std::uint64_t step, std::uint64_t first, std::uint64_t last,
                       Visit&& visit) const {
    std::uint64_t i = first;
    while (i < last) {
      const std::uint64_t position = step * batch_ + i;
      const Permutation permutation(seed_, position / images_, images_);
      std::uint64_t offset = position % images_;
      for (; i < last && offset < images_; ++i, ++offset) visit(i, permutation(offset));
    }
  }

  [[nodiscard]] constexpr std::uint64_t batch() const { return batch_; }
  [[nodiscard]] constexpr std::uint64_t images() const { return images_; }

 private:
  std::uint64_t seed_;
  std::uint64_t images_;
  std::uint64_t batch_;
};

}  // namespace hourglass
