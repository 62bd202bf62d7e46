#include "kernels/activation_backward.h"

#include <type_traits>

#include "kernels/activations/activation.cuh"
#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

// Bytes a number: 12 in float, 8 to bf16 (10 with float slopes). FLOPs a number: 2 to 5. Bound by
// bandwidth: (150, 392) moves 0.7 MB, 0.13 us in L2; (60000, 392) moves 282 MB, 66 us in HBM.
// Thread row y adds rows y, y + 8, ... of its block, then the eight sums are added in order.
template <typename Act, typename Element, bool vector>
__global__ void __launch_bounds__(tile_threads)
    activation_backward_kernel(Element* dz, BackwardArgs args) {
  using Kept = std::conditional_t<Act::keeps_slope, float, Element>;
  __shared__ TileSums sums;
  __shared__ std::uint32_t warp_largest[tile_rows];
  const std::int64_t column = tile_column();
  const int count = tile_count(column, args.columns);
  const auto* kept = static_cast<const Kept*>(args.kept);
  std::uint32_t largest = 0;
  Quad sum{};
  if (count > 0) {
    const RowRange range = block_rows(args.rows);
    for (std::int64_t row = range.first + threadIdx.y; row < range.last; row += tile_rows) {
      const std::int64_t at = row * args.stride + column;
      Quad gradient = load_quad<vector>(args.da + row * args.da_stride + column, count);
      const Quad k = load_quad<vector>(kept + at, count);
      for (int i = 0; i < quad; ++i) {
        gradient.v[i] = as_stored<Element>(Act::backward(gradient.v[i], k.v[i]));
        sum.v[i] += gradient.v[i];
        const std::uint32_t bits = magnitude_bits(gradient.v[i]);
        if (i < count && bits > largest) largest = bits;
      }
      store_quad<vector>(dz + at, gradient, count);
    }
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  note_magnitude(warp_largest, largest);
  __syncthreads();
  store_column_sums(args.bias_partials, sums, args.columns);
  if (threadIdx.x == 0 && threadIdx.y == 0) raise_magnitude(args.magnitude, warp_largest);
}

template <typename Element>
void launch_activation_backward(Element* dz, const BackwardArgs& args, cudaStream_t stream) {
  if (args.rows < 1 || args.columns < 1) return;
  const dim3 blocks(static_cast<unsigned>(row_blocks(args.rows)), tiles_across(args.columns));
  with_activation(args.activation, [&](auto act) {
    using Act = decltype(act);
    using Kept = std::conditional_t<Act::keeps_slope, float, Element>;
    const bool vector = takes_quads(dz, args.stride) && takes_quads(args.da, args.da_stride) &&
                        takes_quads(static_cast<const Kept*>(args.kept), args.stride);
    launch("launch activation_backward",
           vector ? activation_backward_kernel<Act, Element, true>
                  : activation_backward_kernel<Act, Element, false>,
           blocks, tile_block(), stream, dz, args);
  });
}

}  // namespace

std::int64_t backward_row_blocks(std::int64_t rows) { return row_blocks(rows); }

void activation_backward(float* dz, const BackwardArgs& args, cudaStream_t stream) {
  launch_activation_backward(dz, args, stream);
}
void activation_backward(Bf16* dz, const BackwardArgs& args, cudaStream_t stream) {
  launch_activation_backward(dz, args, stream);
}

}  // namespace hourglass::kernels
