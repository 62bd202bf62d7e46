#include "kernels/magnitude.h"

#include <cuda_runtime.h>

#include "kernels/check.h"

namespace hourglass::kernels {
namespace {

constexpr unsigned magnitude_threads = 256;
constexpr std::int64_t most_blocks = 1024;

// Bits of non-negative floats order like the floats, NaN above all.
__global__ void magnitude_kernel(std::uint32_t* largest, const float* a, std::int64_t rows,
                                 std::int64_t columns, std::int64_t stride) {
  std::uint32_t bits = 0;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * magnitude_threads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * magnitude_threads + threadIdx.x;
       i < rows * columns; i += step) {
    const std::uint32_t value =
        __float_as_uint(a[i / columns * stride + i % columns]) & 0x7FFFFFFFU;
    bits = value > bits ? value : bits;
  }
  for (int offset = 16; offset > 0; offset /= 2) {
    const std::uint32_t other = __shfl_xor_sync(0xFFFFFFFFU, bits, offset);
    bits = other > bits ? other : bits;
  }
  if (threadIdx.x % 32 == 0 && bits != 0) atomicMax(largest, bits);
}

}  // namespace

void magnitude(std::uint32_t* largest, const float* a, std::int64_t rows, std::int64_t columns,
               std::int64_t stride, cudaStream_t stream) {
  const std::int64_t wanted = (rows * columns + magnitude_threads - 1) / magnitude_threads;
  cudaLaunchConfig_t launch = {};
  launch.gridDim = dim3(static_cast<unsigned>(wanted < most_blocks ? wanted : most_blocks), 1, 1);
  launch.blockDim = dim3(magnitude_threads, 1, 1);
  launch.stream = stream;
  check(cudaLaunchKernelEx(&launch, magnitude_kernel, largest, a, rows, columns, stride),
        "launch magnitude");
}

}  // namespace hourglass::kernels
