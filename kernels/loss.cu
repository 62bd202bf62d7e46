#include "kernels/loss.h"

#include "kernels/activations/activation.cuh"
#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

// Adds up the warps' sums of squares into the block's place of loss_partials. For one thread.
__device__ void store_loss(float* partials, const float (&warps)[tile_rows]) {
  float total = 0.0F;
  for (unsigned warp = 0; warp < tile_rows; ++warp) total += warps[warp];
  partials[static_cast<std::int64_t>(blockIdx.x) * gridDim.y + blockIdx.y] = total;
}

// Bytes a number: 12 in float, 8 with bf16 (z float, target and dz bf16). FLOPs a number: 7 for
// linear, 10 for sigmoid without its exponential. Bound by bandwidth: (150, 784) moves 1.4 MB, 0.26
// us in L2; (60000, 784) moves 564 MB, 131 us in HBM.
template <typename Act, typename Element, bool vector>
__global__ void __launch_bounds__(tile_threads) loss_kernel(Element* dz, LossArgs args) {
  __shared__ TileSums sums;
  __shared__ float warp_losses[tile_rows];
  __shared__ std::uint32_t warp_outputs[tile_rows];
  __shared__ std::uint32_t warp_gradients[tile_rows];
  const std::int64_t column = tile_column();
  const int count = tile_count(column, args.columns);
  const auto* target = static_cast<const Element*>(args.target);
  std::uint32_t largest_output = 0;
  std::uint32_t largest_gradient = 0;
  float loss = 0.0F;
  Quad sum{};
  if (count > 0) {
    const Quad b = load_quad<false>(args.bias + column, count);
    const RowRange range = block_rows(args.rows);
    for (std::int64_t row = range.first + threadIdx.y; row < range.last; row += tile_rows) {
      const std::int64_t at = row * args.stride + column;
      const Quad z = load_quad<vector>(args.z + row * args.z_stride + column, count);
      const Quad x = load_quad<vector>(target + at, count);
      Quad gradient;
      for (int i = 0; i < quad; ++i) {
        float kept;
        const float output = activate<Act>(z.v[i] + b.v[i], kept);
        const float difference = output - x.v[i];
        gradient.v[i] = as_stored<Element>(Act::backward(args.scale * difference, kept));
        if (i < count) {
          loss = fmaf(difference, difference, loss);
          sum.v[i] += gradient.v[i];
          const std::uint32_t output_bits = magnitude_bits(output);
          const std::uint32_t gradient_bits = magnitude_bits(gradient.v[i]);
          if (output_bits > largest_output) largest_output = output_bits;
          if (gradient_bits > largest_gradient) largest_gradient = gradient_bits;
        }
      }
      store_quad<vector>(dz + at, gradient, count);
    }
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  loss = warp_sum(loss);
  if (threadIdx.x == 0) warp_losses[threadIdx.y] = loss;
  note_magnitude(warp_outputs, largest_output);
  note_magnitude(warp_gradients, largest_gradient);
  __syncthreads();
  store_column_sums(args.bias_partials, sums, args.columns);
  if (threadIdx.x != 0) return;
  if (threadIdx.y == 0) store_loss(args.loss_partials, warp_losses);
  if (threadIdx.y == 1) raise_magnitude(args.output_magnitude, warp_outputs);
  if (threadIdx.y == 2) raise_magnitude(args.gradient_magnitude, warp_gradients);
}

template <typename Element>
void launch_loss(Element* dz, const LossArgs& args, cudaStream_t stream) {
  if (args.rows < 1 || args.columns < 1) return;
  const dim3 blocks(static_cast<unsigned>(row_blocks(args.rows)), tiles_across(args.columns));
  const bool vector = takes_quads(dz, args.stride) && takes_quads(args.z, args.z_stride) &&
                      takes_quads(static_cast<const Element*>(args.target), args.stride);
  with_activation(args.activation, [&](auto act) {
    using Act = decltype(act);
    launch("launch loss",
           vector ? loss_kernel<Act, Element, true> : loss_kernel<Act, Element, false>, blocks,
           tile_block(), stream, dz, args);
  });
}

}  // namespace

std::int64_t loss_row_blocks(std::int64_t rows) { return row_blocks(rows); }
std::int64_t loss_partials(std::int64_t rows, std::int64_t columns) {
  return row_blocks(rows) * tiles_across(columns);
}

void loss(float* dz, const LossArgs& args, cudaStream_t stream) { launch_loss(dz, args, stream); }
void loss(Bf16* dz, const LossArgs& args, cudaStream_t stream) { launch_loss(dz, args, stream); }

}  // namespace hourglass::kernels
