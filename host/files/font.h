// A 5x7 bitmap font (with one more row for tails) for printable ASCII.
#pragma once

#include <array>
#include <cstdint>

namespace hourglass {

inline constexpr int glyph_cols = 5;
inline constexpr int glyph_rows = 8;

/// The columns of a character from left to right; bit 0 is the top row, bit 7 the tails of g and p.
/// What is not printable ASCII comes out as '?'.
[[nodiscard]] const std::array<std::uint8_t, glyph_cols>& glyph(char character);

}  // namespace hourglass
