// The largest magnitude in a matrix, where a library's epilogue has made the matrix.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace hourglass::kernels {

/// *largest is raised, with an integer atomic, to the largest |a| bits of a (rows, columns).
/// Moves rows * columns floats.
void magnitude(std::uint32_t* largest, const float* a, std::int64_t rows, std::int64_t columns,
               std::int64_t stride, cudaStream_t stream);

}  // namespace hourglass::kernels
