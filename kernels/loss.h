// The output layer while training: y = act(z + bias), loss, dz and the bias gradient in one pass.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "hourglass/activation.h"
#include "kernels/element.h"

namespace hourglass::kernels {

struct LossArgs {
  const float* z = nullptr;      // (rows, columns) the product's result
  const float* bias = nullptr;   // (columns)
  const void* target = nullptr;  // (rows, columns) the batch, float or bf16 like dz
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t z_stride = 0;
  std::int64_t stride = 0;  // of target and dz
  float scale = 0;          // 2 / (rows * columns)
  Activation activation = Activation::linear;
  /// Sums over row blocks in fixed order: (loss_row_blocks(rows), columns) for the bias gradient
  /// and (loss_partials(rows, columns)) for the loss.
  float* bias_partials = nullptr;
  float* loss_partials = nullptr;
  std::uint32_t* output_magnitude = nullptr;    // (1) raised to the largest |y| bits
  std::uint32_t* gradient_magnitude = nullptr;  // (1) raised to the largest |dz| bits
};

[[nodiscard]] std::int64_t loss_row_blocks(std::int64_t rows);
[[nodiscard]] std::int64_t loss_partials(std::int64_t rows, std::int64_t columns);

/// dz = scale (y - target) act'(z). Moves 3 * rows * columns elements. dz may be z in the float
/// form.
void loss(float* dz, const LossArgs& args, cudaStream_t stream);
void loss(Bf16* dz, const LossArgs& args, cudaStream_t stream);

}  // namespace hourglass::kernels
