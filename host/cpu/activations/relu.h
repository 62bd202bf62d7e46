// relu(z) = max(z, 0). NaN stays NaN.
#pragma once

#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

struct Relu {
  static constexpr bool keeps_slope = false;
  static constexpr bool flat_at_zero = true;
  HOURGLASS_INLINE static Vec value(Vec z) { return z < 0.0F ? Vec{} : z; }
  HOURGLASS_INLINE static Vec backward(Vec da, Vec a) { return a > 0.0F ? da : Vec{}; }
};

}  // namespace hourglass::cpu::HOURGLASS_SIMD
