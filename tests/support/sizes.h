// Awkward sizes: around vector widths, register tiles, panels and powers of two.
#pragma once

#include <array>
#include <cstdint>

namespace hourglass::test {

inline constexpr std::array<std::int64_t, 22> awkward_sizes{
    1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 255, 257, 784, 1000};

}  // namespace hourglass::test
