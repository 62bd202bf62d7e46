#include "kernels/adam.h"

#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

constexpr unsigned adam_threads = 256;
constexpr std::uint32_t infinity_bits = 0x7F800000U;

__device__ bool not_finite(float x) { return magnitude_bits(x) >= infinity_bits; }

// First layer, seen from the output, whose bound on the weight gradients cannot be squared, or
// first layer whose output is not finite: nonfinite_layer() of the CPU engine. By one whole warp.
__device__ int find_nonfinite_layer(const AdamArgs& args) {
  const auto layers = static_cast<unsigned>(args.layer_count);
  const std::uint32_t* outputs = args.magnitudes;
  const std::uint32_t* gradients = args.magnitudes + layers;
  constexpr unsigned none = 0xFFFFFFFFU;
  unsigned bad_output = none;
  unsigned bad_gradient = 0;  // one more than the layer
  for (unsigned l = threadIdx.x; l < layers; l += warp_size) {
    if (not_finite(__uint_as_float(outputs[l])) && bad_output == none) bad_output = l;
    const float below = l == 0 ? 1.0F : __uint_as_float(outputs[l - 1]);
    const float input = below > 1.0F ? below : 1.0F;
    const float bound = static_cast<float>(args.batch) * input * __uint_as_float(gradients[l]);
    if (not_finite(bound * bound)) bad_gradient = l + 1;
  }
  bad_output = __reduce_min_sync(all_lanes, bad_output);
  bad_gradient = __reduce_max_sync(all_lanes, bad_gradient);
  return bad_output != none ? static_cast<int>(bad_output) : static_cast<int>(bad_gradient) - 1;
}

// The same operations in the same order as the CPU engine's.
__device__ void update(float& w, float& m, float& v, float g, const AdamStep& s) {
  m += s.one_minus_beta1 * (g - m);
  v += s.one_minus_beta2 * (g * g - v);
  w -= s.rate * m / (sqrtf(v) + s.epsilon);
}

__device__ std::int64_t end_of(const AdamLayer& layer) { return layer.bias + layer.out; }

__device__ float bias_gradient(const AdamLayer& layer, std::int64_t unit) {
  float sum = 0.0F;
#pragma unroll 8
  for (std::int64_t block = 0; block < layer.row_blocks; ++block)
    sum += layer.bias_partials[block * layer.out + unit];
  return sum;
}

__device__ void store_copy(const AdamLayer& layer, std::int64_t place, float w) {
  if (layer.weight_copy == nullptr || place >= layer.in * layer.out) return;
  layer.weight_copy[place / layer.in * layer.copy_stride + place % layer.in] =
      __float2bfloat16_rn(w);
}

// Copies four neighbours of one layer; by one store where they lie in one row and aligned.
__device__ void store_copies(const AdamLayer& layer, std::int64_t place, const Quad& w) {
  if (layer.weight_copy == nullptr) return;
  const std::int64_t column = place % layer.in;
  Bf16* target = layer.weight_copy + place / layer.in * layer.copy_stride + column;
  if (column + quad <= layer.in && reinterpret_cast<std::uintptr_t>(target) % 8 == 0) {
    store_quad<true>(target, w, quad);
  } else {
    for (int i = 0; i < quad; ++i) store_copy(layer, place + i, w.v[i]);
  }
}

// Bytes a parameter: 28 (w, m, v read and written, g read), 30 with bf16 copies. FLOPs: 12. Bound
// by bandwidth: 770,084 parameters move 21.6 MB (23.1), 3.9 us in L2, 5.0 us from HBM. A thread
// does four neighbours. Every block decides by itself, from the same 2 L numbers, whether the step
// is skipped: no block waits for another one.
template <bool vector>
__global__ void __launch_bounds__(adam_threads) adam_kernel(AdamArgs args) {
  __shared__ int shared_nonfinite;
  const std::int64_t first =
      (static_cast<std::int64_t>(blockIdx.x) * adam_threads + threadIdx.x) * quad;
  const int count = tile_count(first, args.count);
  Quad w{};
  Quad m{};
  Quad v{};
  if (count > 0) {  // on their way while the warps below decide
    w = load_quad<vector>(args.parameters + first, count);
    m = load_quad<vector>(args.first_moment + first, count);
    v = load_quad<vector>(args.second_moment + first, count);
  }
  if (threadIdx.x < warp_size) {
    const int nonfinite = find_nonfinite_layer(args);
    if (threadIdx.x == 0) shared_nonfinite = nonfinite;
    if (blockIdx.x == 0 && threadIdx.x == 0) {
      *args.nonfinite_layer = nonfinite;
      if (nonfinite >= 0) *args.skipped += 1;
    }
  }
  __syncthreads();
  if (shared_nonfinite >= 0 || count == 0) return;

  const AdamStep step = args.schedule[args.offset];
  const AdamLayer* layer = args.layers;
  while (first >= end_of(*layer)) ++layer;
  const std::int64_t place = first - layer->weight;
  if (place + quad <= layer->in * layer->out) {
    const Quad g = load_quad<vector>(args.weight_gradients + first, quad);
    for (int i = 0; i < quad; ++i) update(w.v[i], m.v[i], v.v[i], g.v[i], step);
    store_copies(*layer, place, w);
  } else {
    for (int i = 0; i < quad; ++i) {
      if (i >= count) break;
      if (first + i >= end_of(*layer)) ++layer;
      const bool is_bias = first + i >= layer->bias;
      const float g = is_bias ? bias_gradient(*layer, first + i - layer->bias)
                              : args.weight_gradients[first + i];
      update(w.v[i], m.v[i], v.v[i], g, step);
      if (!is_bias) store_copy(*layer, first + i - layer->weight, w.v[i]);
    }
  }
  store_quad<vector>(args.parameters + first, w, count);
  store_quad<vector>(args.first_moment + first, m, count);
  store_quad<vector>(args.second_moment + first, v, count);
}

}  // namespace

void adam(const AdamArgs& args, cudaStream_t stream) {
  if (args.count < 1) return;
  const bool vector = takes_quads(args.parameters, 0) && takes_quads(args.first_moment, 0) &&
                      takes_quads(args.second_moment, 0) && takes_quads(args.weight_gradients, 0);
  const dim3 blocks(static_cast<unsigned>(ceil_div(args.count, adam_threads * quad)));
  launch("launch adam", vector ? adam_kernel<true> : adam_kernel<false>, blocks, dim3(adam_threads),
         stream, args);
}

}  // namespace hourglass::kernels
