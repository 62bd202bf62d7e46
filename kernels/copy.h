// A copy from memory to memory: what the device's memory can do, measured in the lab. No step needs
// it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace hourglass::kernels {

/// to[i] = from[i] for i in [0, count). Moves 8 * count bytes.
void copy(float* to, const float* from, std::int64_t count, cudaStream_t stream);

}  // namespace hourglass::kernels
