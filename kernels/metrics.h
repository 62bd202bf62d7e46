// Sums for evaluation, and the end of the loss.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/element.h"

namespace hourglass::kernels {

/// Per row: (squared error, squared error of y clipped to [0, 1]) into row_sums (rows, 2), in
/// double and in a fixed order.
void squared_errors(double* row_sums, const float* y, std::int64_t y_stride, const float* x,
                    std::int64_t x_stride, std::int64_t rows, std::int64_t columns,
                    cudaStream_t stream);

/// Widens low and high (columns) by the values of a (rows, columns); a NaN widens nothing. For dead
/// units.
void unit_range(float* low, float* high, const float* a, std::int64_t rows, std::int64_t columns,
                std::int64_t stride, cudaStream_t stream);
void unit_range(float* low, float* high, const Bf16* a, std::int64_t rows, std::int64_t columns,
                std::int64_t stride, cudaStream_t stream);

/// *sum = the sum of the partials in double, in a fixed order: one block.
void sum_partials(double* sum, const float* partials, std::int64_t count, cudaStream_t stream);

}  // namespace hourglass::kernels
