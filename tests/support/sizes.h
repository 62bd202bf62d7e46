// Awkward sizes: around vector widths, register tiles, panels and powers of two.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace hourglass::test {

inline constexpr std::array<std::int64_t, 22> awkward_sizes{
    1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 255, 257, 784, 1000};

/// Awkward sizes for tests of every pair: fewer where a sanitizer makes each of them slow.
inline std::vector<std::int64_t> awkward_sizes_to_pair() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return {1, 3, 7, 8, 9, 16, 17, 33, 65, 129, 257, 784};
#else
  return {awkward_sizes.begin(), awkward_sizes.end()};
#endif
}

}  // namespace hourglass::test
