// Element types of matrices on the device: float for fp32 and tf32, bf16 for bf16 runs.
#pragma once

#include <cuda_bf16.h>

namespace hourglass::kernels {

using Bf16 = __nv_bfloat16;

}  // namespace hourglass::kernels
