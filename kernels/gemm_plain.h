// The plain twin of the library's matrix products and of their epilogues: one thread an element,
// sums in the order of the depth. Right before fast: it serves the emulator, and a GPU as a second
// opinion.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "kernels/element.h"

namespace hourglass::kernels {

/// c[r, n] = sum over k of a[r * a_row + k * a_depth] * b[k * b_depth + n * b_column].
struct PlainProduct {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  std::int64_t a_row = 0;
  std::int64_t a_depth = 0;
  std::int64_t b_depth = 0;
  std::int64_t b_column = 0;
  std::int64_t c_stride = 0;
  std::int64_t mask_words = 0;          // 32-bit words in a row of the mask
  float* c = nullptr;                   // (rows, columns)
  const float* bias = nullptr;          // (columns): c = max(c + bias, 0), if not null
  const std::uint32_t* mask = nullptr;  // (rows, mask_words): c = 0 where the bit is not set
};

/// 2 * rows * columns * depth FLOP.
void plain_product(const PlainProduct& product, const float* a, const float* b,
                   cudaStream_t stream);
void plain_product(const PlainProduct& product, const Bf16* a, const Bf16* b, cudaStream_t stream);

/// mask (rows, mask_words): bit n of a row says whether c[r, n] > 0.
void plain_relu_mask(std::uint32_t* mask, const PlainProduct& product, cudaStream_t stream);

/// sums (columns): of c's columns, in the order of the rows.
void plain_column_sums(float* sums, const PlainProduct& product, cudaStream_t stream);

}  // namespace hourglass::kernels
