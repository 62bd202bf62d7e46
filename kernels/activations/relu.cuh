// relu(z) = max(z, 0). NaN stays NaN.
#pragma once

#include <cuda_runtime.h>

namespace hourglass::kernels {

struct Relu {
  static constexpr bool keeps_slope = false;
  __device__ static float value(float z) { return z < 0.0F ? 0.0F : z; }
  __device__ static float backward(float da, float a) { return a > 0.0F ? da : 0.0F; }
};

}  // namespace hourglass::kernels
