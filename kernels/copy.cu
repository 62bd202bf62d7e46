#include "kernels/copy.h"

#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

constexpr unsigned copy_threads = 256;
constexpr int quads_a_thread = 4;
constexpr std::int64_t numbers_a_block = std::int64_t{copy_threads} * quads_a_thread * quad;

// Bytes a number: 8. FLOPs: none. Bound by bandwidth, which is what it is for: four quads a thread
// are under way before the first is written.
template <bool vector>
__global__ void __launch_bounds__(copy_threads)
    copy_kernel(float* to, const float* from, std::int64_t count) {
  const std::int64_t first =
      static_cast<std::int64_t>(blockIdx.x) * numbers_a_block + threadIdx.x * quad;
  Quad quads[quads_a_thread];
#pragma unroll
  for (int i = 0; i < quads_a_thread; ++i) {
    const std::int64_t at = first + i * std::int64_t{copy_threads} * quad;
    quads[i] = load_quad<vector>(from + at, tile_count(at, count));
  }
#pragma unroll
  for (int i = 0; i < quads_a_thread; ++i) {
    const std::int64_t at = first + i * std::int64_t{copy_threads} * quad;
    store_quad<vector>(to + at, quads[i], tile_count(at, count));
  }
}

}  // namespace

void copy(float* to, const float* from, std::int64_t count, cudaStream_t stream) {
  if (count < 1) return;
  const bool vector = takes_quads(to, 0) && takes_quads(from, 0);
  launch("launch copy", vector ? copy_kernel<true> : copy_kernel<false>,
         dim3(static_cast<unsigned>(ceil_div(count, numbers_a_block))), dim3(copy_threads), stream,
         to, from, count);
}

}  // namespace hourglass::kernels
