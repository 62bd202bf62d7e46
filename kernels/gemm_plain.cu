#include "kernels/gemm_plain.h"

#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

constexpr unsigned square_side = 16;  // of a block's square of the result
constexpr unsigned line_threads = square_side * square_side;
constexpr std::int64_t word_bits = 32;

__device__ std::int64_t global_x() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t global_y() {
  return static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
}

// FLOPs: 2 depth a result. Bytes: each thread reads its row and its column whole, 8 depth (4 in
// bf16), which the caches serve to the other threads of its square. Bound by these reads, far from
// the arithmetic: (150, 392) of depth 784 does 92 MFLOP with 369 MB of reads, 67 us in L2. Rows run
// along x of the grid: there may be more of them than y allows.
template <typename Element>
__global__ void plain_product_kernel(PlainProduct p, const Element* a, const Element* b) {
  const std::int64_t row = global_x();
  const std::int64_t column = global_y();
  if (row >= p.rows || column >= p.columns) return;
  float sum = 0.0F;
  for (std::int64_t k = 0; k < p.depth; ++k)
    sum += static_cast<float>(a[row * p.a_row + k * p.a_depth]) *
           static_cast<float>(b[k * p.b_depth + column * p.b_column]);
  if (p.bias != nullptr) {
    sum += p.bias[column];
    sum = sum > 0.0F ? sum : 0.0F;  // 0 of NaN, as the library's max(x, 0) may
  }
  if (p.mask != nullptr) {
    const std::uint32_t word = p.mask[row * p.mask_words + column / word_bits];
    if ((word >> (column % word_bits) & 1U) == 0U) sum = 0.0F;
  }
  p.c[row * p.c_stride + column] = sum;
}

// One thread a word. Bytes a number: 4, and a bit. FLOPs: one comparison. Bound by bandwidth, and
// neighbours read 128 bytes apart: (150, 392) moves 0.24 MB, 0.04 us in L2 at best.
__global__ void plain_relu_mask_kernel(std::uint32_t* mask, PlainProduct p) {
  const std::int64_t word = global_x();
  if (word >= p.rows * p.mask_words) return;
  const std::int64_t row = word / p.mask_words;
  const std::int64_t first = word % p.mask_words * word_bits;
  std::uint32_t bits = 0;
  for (std::int64_t i = 0; i < word_bits && first + i < p.columns; ++i)
    if (p.c[row * p.c_stride + first + i] > 0.0F) bits |= 1U << i;
  mask[word] = bits;
}

// One thread a column. Bytes a number: 4. FLOPs: 1. Few threads, so bound by latency: (150, 392)
// moves 0.24 MB, 0.04 us in L2 at best.
__global__ void plain_column_sums_kernel(float* sums, PlainProduct p) {
  const std::int64_t column = global_x();
  if (column >= p.columns) return;
  float sum = 0.0F;
  for (std::int64_t row = 0; row < p.rows; ++row) sum += p.c[row * p.c_stride + column];
  sums[column] = sum;
}

dim3 line_blocks(std::int64_t count) {
  return {static_cast<unsigned>(ceil_div(count, line_threads)), 1, 1};
}

template <typename Element>
void launch_product(const PlainProduct& product, const Element* a, const Element* b,
                    cudaStream_t stream) {
  if (product.rows < 1 || product.columns < 1) return;
  const dim3 blocks(static_cast<unsigned>(ceil_div(product.rows, square_side)),
                    static_cast<unsigned>(ceil_div(product.columns, square_side)));
  launch("launch plain_product", plain_product_kernel<Element>, blocks,
         dim3(square_side, square_side), stream, product, a, b);
}

}  // namespace

void plain_product(const PlainProduct& product, const float* a, const float* b,
                   cudaStream_t stream) {
  launch_product(product, a, b, stream);
}
void plain_product(const PlainProduct& product, const Bf16* a, const Bf16* b, cudaStream_t stream) {
  launch_product(product, a, b, stream);
}

void plain_relu_mask(std::uint32_t* mask, const PlainProduct& product, cudaStream_t stream) {
  if (product.rows < 1 || product.columns < 1) return;
  launch("launch plain_relu_mask", plain_relu_mask_kernel,
         line_blocks(product.rows * product.mask_words), dim3(line_threads), stream, mask, product);
}

void plain_column_sums(float* sums, const PlainProduct& product, cudaStream_t stream) {
  if (product.columns < 1) return;
  launch("launch plain_column_sums", plain_column_sums_kernel, line_blocks(product.columns),
         dim3(line_threads), stream, sums, product);
}

}  // namespace hourglass::kernels
