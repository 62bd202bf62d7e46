#include "kernels/bias_activation.h"

#include <algorithm>

#include "kernels/activations/activation.cuh"
#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

// Bytes a number: 8 in place (12 with slopes), 6 to bf16 (10). FLOPs a number: relu 2, gelu about
// 60. Bound by bandwidth: (150, 392) moves 0.5 MB, 0.09 us in L2, so one launch; (60000, 784) moves
// 376 MB, 88 us in HBM.
template <typename Act, typename Element, bool vector>
__global__ void __launch_bounds__(tile_threads)
    bias_activation_kernel(Element* a, const float* z, float* slope, const float* bias,
                           std::uint32_t* magnitude, std::int64_t rows, std::int64_t columns,
                           std::int64_t stride) {
  __shared__ std::uint32_t warp_largest[tile_rows];
  const std::int64_t column = tile_column();
  const int count = tile_count(column, columns);
  std::uint32_t largest = 0;
  if (count > 0) {
    const Quad b = load_quad<false>(bias + column, count);
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * tile_rows;
    for (std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * tile_rows + threadIdx.y;
         row < rows; row += step) {
      const std::int64_t at = row * stride + column;
      Quad output = load_quad<vector>(z + at, count);
      Quad kept;
      for (int i = 0; i < quad; ++i) {
        output.v[i] = activate<Act>(output.v[i] + b.v[i], kept.v[i]);
        const std::uint32_t bits = magnitude_bits(as_stored<Element>(output.v[i]));
        if (i < count && bits > largest) largest = bits;
      }
      store_quad<vector>(a + at, output, count);
      if constexpr (Act::keeps_slope) {
        if (slope != nullptr) store_quad<vector>(slope + at, kept, count);
      }
    }
  }
  note_magnitude(warp_largest, largest);
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) raise_magnitude(magnitude, warp_largest);
}

template <typename Element>
void launch_bias_activation(Element* a, const float* z, float* slope, const float* bias,
                            std::uint32_t* magnitude, Activation activation, std::int64_t rows,
                            std::int64_t columns, std::int64_t stride, cudaStream_t stream) {
  if (rows < 1 || columns < 1) return;
  constexpr std::int64_t most_row_blocks = 512;  // each ends with an atomic
  const dim3 blocks(static_cast<unsigned>(std::min(ceil_div(rows, tile_rows), most_row_blocks)),
                    tiles_across(columns));
  const bool vector =
      takes_quads(a, stride) && takes_quads(z, stride) && takes_quads(slope, stride);
  with_activation(activation, [&](auto act) {
    using Act = decltype(act);
    launch("launch bias_activation",
           vector ? bias_activation_kernel<Act, Element, true>
                  : bias_activation_kernel<Act, Element, false>,
           blocks, tile_block(), stream, a, z, slope, bias, magnitude, rows, columns, stride);
  });
}

}  // namespace

void bias_activation(float* z, float* slope, const float* bias, std::uint32_t* magnitude,
                     Activation activation, std::int64_t rows, std::int64_t columns,
                     std::int64_t stride, cudaStream_t stream) {
  launch_bias_activation(z, z, slope, bias, magnitude, activation, rows, columns, stride, stream);
}
void bias_activation(Bf16* a, const float* z, float* slope, const float* bias,
                     std::uint32_t* magnitude, Activation activation, std::int64_t rows,
                     std::int64_t columns, std::int64_t stride, cudaStream_t stream) {
  launch_bias_activation(a, z, slope, bias, magnitude, activation, rows, columns, stride, stream);
}

}  // namespace hourglass::kernels
