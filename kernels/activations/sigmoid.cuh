// sigmoid(z) = 1 / (1 + exp(-z)); its slope is a (1 - a).
#pragma once

#include "kernels/activations/exponential.cuh"

namespace hourglass::kernels {

struct Sigmoid {
  static constexpr bool keeps_slope = false;
  __device__ static float value(float z) { return 1.0F / (1.0F + exponential(-z)); }
  __device__ static float backward(float da, float a) { return da * (a * (1.0F - a)); }
};

}  // namespace hourglass::kernels
