// Sums in double over terms that come in single precision, one matrix of them after the other.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace hourglass::kernels {

/// sums[i] += terms[i] for i in [0, count), in double. Moves 20 * count bytes.
void accumulate(double* sums, const float* terms, std::int64_t count, cudaStream_t stream);

}  // namespace hourglass::kernels
