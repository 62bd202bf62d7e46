// The machine's pages, which guard what is mapped.
#pragma once

#include <cstddef>

namespace emulator {

inline constexpr std::size_t page = 4096;

/// What new memory holds: as a float or double, NaN.
inline constexpr std::byte poison{0xff};

}  // namespace emulator
