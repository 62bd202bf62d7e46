// tanh(z) = -expm1(-2z) / (2 + expm1(-2z)); its slope is 1 - a^2 = (1 - a)(1 + a).
#pragma once

#include "kernels/activations/exponential.cuh"

namespace hourglass::kernels {

struct Tanh {
  static constexpr bool keeps_slope = false;
  __device__ static float value(float z) {
    const float e = exponential_minus_one(-2.0F * fabsf(z));  // in (-1, 0]: never overflows
    return copysignf(-e / (2.0F + e), z);
  }
  __device__ static float backward(float da, float a) { return da * ((1.0F - a) * (1.0F + a)); }
};

}  // namespace hourglass::kernels
