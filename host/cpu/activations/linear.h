// linear(z) = z.
#pragma once

#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

struct Linear {
  static constexpr bool keeps_slope = false;
  static constexpr bool flat_at_zero = false;
  HOURGLASS_INLINE static Vec value(Vec z) { return z; }
  HOURGLASS_INLINE static Vec backward(Vec da, Vec) { return da; }
};

}  // namespace hourglass::cpu::HOURGLASS_SIMD
