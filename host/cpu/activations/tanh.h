// tanh(z) = -expm1(-2z) / (2 + expm1(-2z)); its slope is 1 - a^2 = (1 - a)(1 + a).
#pragma once

#include "cpu/simd/exp.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

struct Tanh {
  static constexpr bool keeps_slope = false;
  static constexpr bool flat_at_zero = false;
  HOURGLASS_INLINE static Vec value(Vec z) {
    const Vec e = exponential_minus_one(-2.0F * absolute(z));  // in (-1, 0]: never overflows
    return copy_sign(-e / (2.0F + e), z);
  }
  HOURGLASS_INLINE static Vec backward(Vec da, Vec a) { return da * ((1.0F - a) * (1.0F + a)); }
};

}  // namespace hourglass::cpu::HOURGLASS_SIMD
