// dz = da act'(z) and its column sums, behind a backward product.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "hourglass/activation.h"
#include "kernels/element.h"

namespace hourglass::kernels {

struct BackwardArgs {
  const float* da = nullptr;   // (rows, columns) the product's result
  const void* kept = nullptr;  // (rows, columns) outputs, of dz's type; slopes (float) for gelu
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t da_stride = 0;
  std::int64_t stride = 0;  // of kept and dz
  Activation activation = Activation::relu;
  float* bias_partials = nullptr;  // (backward_row_blocks(rows), columns), sums in fixed order
  std::uint32_t* magnitude = nullptr;
};

[[nodiscard]] std::int64_t backward_row_blocks(std::int64_t rows);

/// Moves 3 * rows * columns elements. dz may be da in the float form.
void activation_backward(float* dz, const BackwardArgs& args, cudaStream_t stream);
void activation_backward(Bf16* dz, const BackwardArgs& args, cudaStream_t stream);

}  // namespace hourglass::kernels
