// sigmoid(z) = 1 / (1 + exp(-z)); its slope is a (1 - a).
#pragma once

#include "cpu/simd/exp.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

struct Sigmoid {
  static constexpr bool keeps_slope = false;
  static constexpr bool flat_at_zero = false;
  HOURGLASS_INLINE static Vec value(Vec z) { return 1.0F / (1.0F + exponential(-z)); }
  HOURGLASS_INLINE static Vec backward(Vec da, Vec a) { return da * (a * (1.0F - a)); }
};

}  // namespace hourglass::cpu::HOURGLASS_SIMD
