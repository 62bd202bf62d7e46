// Pixels on their way in: scaled to [0, 1], and listed where they are lit.
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

}  // namespace hourglass::cpu::HOURGLASS_SIMD
