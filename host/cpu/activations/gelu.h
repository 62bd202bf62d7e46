// gelu(z) = z Phi(z), Phi the normal distribution (Hendrycks and Gimpel, arXiv 1606.08415; the
// exact form, not the tanh approximation). Its slope, Phi(z) + z phi(z), cannot be had from the
// output, so the forward pass keeps it.
#pragma once

#include "cpu/simd/exp.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

struct Gelu {
  static constexpr bool keeps_slope = true;
  static constexpr bool flat_at_zero = false;
  HOURGLASS_INLINE static Vec value(Vec z, Vec& slope) {
    constexpr float sqrt_half = 0.70710678118654752F;
    constexpr float density_at_0 = 0.39894228040143268F;  // 1 / sqrt(2 pi)
    const Vec distribution = 0.5F * complementary_error_function(-sqrt_half * z);
    slope = multiply_add(z * density_at_0, exponential(-0.5F * z * z), distribution);
    return z * distribution;
  }
  HOURGLASS_INLINE static Vec backward(Vec da, Vec slope) { return da * slope; }
};

}  // namespace hourglass::cpu::HOURGLASS_SIMD
