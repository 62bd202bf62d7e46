// Pixels on their way in: scaled to [0, 1], and listed where they are lit; and columns that are.
#pragma once

#include <algorithm>

#include "cpu/kernels.h"
#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

inline void scale_pixels(const std::uint8_t* __restrict pixels, std::int64_t count,
                         float* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(pixels[i]) / 255.0F;
}

inline std::int64_t list_lit(const float* x, std::int64_t first, std::int64_t last, Lit* out) {
  std::int64_t count = 0;
  for (std::int64_t begin = first; begin < last; begin += lanes) {
    const std::int64_t end = std::min<std::int64_t>(begin + lanes, last);
    // Most of an image is dark in runs longer than a vector. Rows are padded to whole vectors.
    if (reduce_maximum(magnitude(load(x + begin))) == 0) continue;
    for (std::int64_t i = begin; i < end; ++i) {  // no branch: overwrites where the pixel is dark
      out[count] = {static_cast<std::uint32_t>(i), x[i]};
      count += x[i] != 0.0F ? 1 : 0;
    }
  }
  return count;
}

inline std::int64_t live_columns(const LiveColumnsArgs& p) {
  constexpr std::int64_t rows_at_a_time = 8;
  std::int64_t count = 0;
  for (std::int64_t column = 0; column < p.columns; column += lanes) {
    IntVec seen{};
    for (std::int64_t row = 0; row < p.rows; row += rows_at_a_time) {
      const std::int64_t end = std::min(row + rows_at_a_time, p.rows);
      for (std::int64_t r = row; r < end; ++r)
        seen |= magnitude(load(p.block + r * p.stride + column));
      if (reduce_maximum((seen == 0) & 1) == 0) break;  // every column is alive
    }
    const std::int64_t end = std::min<std::int64_t>(column + lanes, p.columns);
    for (std::int64_t c = column; c < end; ++c) {
      p.live[count] = static_cast<std::uint32_t>(c);
      count += seen[static_cast<int>(c - column)] != 0 ? 1 : 0;
    }
  }
  return count;
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
