#include "kernels/magnitude.h"

#include <algorithm>

#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

constexpr std::int64_t most_blocks = 1024;  // each ends with an atomic

// Bytes a number: 4. FLOPs: none; one comparison, and an integer division for its place. Bound by
// bandwidth: (150, 392) moves 0.24 MB, 0.04 us in L2, so one launch; (60000, 784) moves 188 MB, 44
// us in HBM.
__global__ void __launch_bounds__(tile_threads)
    magnitude_kernel(std::uint32_t* largest, const float* a, std::int64_t rows,
                     std::int64_t columns, std::int64_t stride) {
  __shared__ std::uint32_t warp_largest[tile_rows];
  std::uint32_t own = 0;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * tile_threads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * tile_threads +
                        threadIdx.y * warp_size + threadIdx.x;
       i < rows * columns; i += step) {
    const std::uint32_t bits = magnitude_bits(a[i / columns * stride + i % columns]);
    if (bits > own) own = bits;
  }
  note_magnitude(warp_largest, own);
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) raise_magnitude(largest, warp_largest);
}

}  // namespace

void magnitude(std::uint32_t* largest, const float* a, std::int64_t rows, std::int64_t columns,
               std::int64_t stride, cudaStream_t stream) {
  if (rows < 1 || columns < 1) return;
  const std::int64_t blocks = std::min(ceil_div(rows * columns, tile_threads), most_blocks);
  launch("launch magnitude", magnitude_kernel, dim3(static_cast<unsigned>(blocks)), tile_block(),
         stream, largest, a, rows, columns, stride);
}

}  // namespace hourglass::kernels
