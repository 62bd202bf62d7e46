#include "kernels/gemm_plain.h"

#include <cuda_runtime.h>

#include "kernels/check.h"

namespace hourglass::kernels {
namespace {

constexpr unsigned tile = 16;

__host__ __device__ constexpr std::int64_t blocks_for(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

__device__ std::int64_t global_x() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t global_y() {
  return static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
}

// Rows run along x of the grid: there may be more of them than y allows.
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
    sum = sum > 0.0F || sum != sum ? sum : 0.0F;
  }
  if (p.mask != nullptr) {
    const std::uint32_t word = p.mask[row * p.mask_words + column / 32];
    if ((word >> (column % 32) & 1U) == 0U) sum = 0.0F;
  }
  p.c[row * p.c_stride + column] = sum;
}

__global__ void plain_relu_mask_kernel(std::uint32_t* mask, PlainProduct p) {
  const std::int64_t word = global_x();
  if (word >= p.rows * p.mask_words) return;
  const std::int64_t row = word / p.mask_words;
  const std::int64_t first = word % p.mask_words * 32;
  std::uint32_t bits = 0;
  for (std::int64_t i = 0; i < 32 && first + i < p.columns; ++i)
    if (p.c[row * p.c_stride + first + i] > 0.0F) bits |= 1U << i;
  mask[word] = bits;
}

__global__ void plain_column_sums_kernel(float* sums, PlainProduct p) {
  const std::int64_t column = global_x();
  if (column >= p.columns) return;
  float sum = 0.0F;
  for (std::int64_t row = 0; row < p.rows; ++row) sum += p.c[row * p.c_stride + column];
  sums[column] = sum;
}

cudaLaunchConfig_t config(std::int64_t x, std::int64_t y, cudaStream_t stream) {
  cudaLaunchConfig_t result = {};
  if (y == 0) {
    result.gridDim = dim3(static_cast<unsigned>(blocks_for(x, tile * tile)), 1, 1);
    result.blockDim = dim3(tile * tile, 1, 1);
  } else {
    result.gridDim = dim3(static_cast<unsigned>(blocks_for(x, tile)),
                          static_cast<unsigned>(blocks_for(y, tile)), 1);
    result.blockDim = dim3(tile, tile, 1);
  }
  result.stream = stream;
  return result;
}

template <typename Element>
void launch_product(const PlainProduct& product, const Element* a, const Element* b,
                    cudaStream_t stream) {
  const cudaLaunchConfig_t launch = config(product.rows, product.columns, stream);
  check(cudaLaunchKernelEx(&launch, plain_product_kernel<Element>, product, a, b),
        "launch plain_product");
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
  const cudaLaunchConfig_t launch = config(product.rows * product.mask_words, 0, stream);
  check(cudaLaunchKernelEx(&launch, plain_relu_mask_kernel, mask, product),
        "launch plain_relu_mask");
}

void plain_column_sums(float* sums, const PlainProduct& product, cudaStream_t stream) {
  const cudaLaunchConfig_t launch = config(product.columns, 0, stream);
  check(cudaLaunchKernelEx(&launch, plain_column_sums_kernel, sums, product),
        "launch plain_column_sums");
}

}  // namespace hourglass::kernels
