// gelu(z) = z Phi(z), Phi the normal distribution (Hendrycks and Gimpel, arXiv 1606.08415; the
// exact form, not the tanh approximation). Its slope, Phi(z) + z phi(z), cannot be had from the
// output, so the forward pass keeps it.
#pragma once

#include "kernels/activations/exponential.cuh"

namespace hourglass::kernels {

struct Gelu {
  static constexpr bool keeps_slope = true;
  __device__ static float value(float z, float& slope) {
    constexpr float sqrt_half = 0.70710678118654752F;
    constexpr float density_at_0 = 0.39894228040143268F;  // 1 / sqrt(2 pi)
    const float distribution = 0.5F * complementary_error_function(-sqrt_half * z);
    slope = fmaf(z * density_at_0, exponential(-0.5F * z * z), distribution);
    return z * distribution;
  }
  __device__ static float backward(float da, float slope) { return da * slope; }
};

}  // namespace hourglass::kernels
