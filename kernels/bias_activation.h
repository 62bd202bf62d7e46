// a = act(z + bias), behind a product without an epilogue.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "hourglass/activation.h"
#include "kernels/element.h"

namespace hourglass::kernels {

/// In place on z (rows, columns; row distance `stride`). `slope` (same shape and stride) receives
/// act'(z) for activations that need it (gelu) and may be null otherwise and in evaluation.
/// `magnitude` (1) is raised, with an integer atomic, to the largest |a| bits seen.
/// Moves 2 * rows * columns elements (3 with slopes).
void bias_activation(float* z, float* slope, const float* bias, std::uint32_t* magnitude,
                     Activation activation, std::int64_t rows, std::int64_t columns,
                     std::int64_t stride, cudaStream_t stream);
/// The bf16 form reads the product's float result `z` and writes `a` rounded.
void bias_activation(Bf16* a, const float* z, float* slope, const float* bias,
                     std::uint32_t* magnitude, Activation activation, std::int64_t rows,
                     std::int64_t columns, std::int64_t stride, cudaStream_t stream);

}  // namespace hourglass::kernels
