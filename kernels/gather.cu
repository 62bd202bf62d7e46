#include "kernels/gather.h"

#include "hourglass/random.h"
#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

constexpr unsigned gather_threads = 256;
constexpr unsigned most_rows = 8;

// The network sees x / 255 of a byte and a float as it is, rounded to bf16 where the batch is bf16.
template <bool vector>
__device__ Quad load_pixels(const unsigned char* p, int count, float unit) {
  Quad q;
  if (vector && count == quad) {
    const uchar4 bytes = *reinterpret_cast<const uchar4*>(p);
    q = {{static_cast<float>(bytes.x), static_cast<float>(bytes.y), static_cast<float>(bytes.z),
          static_cast<float>(bytes.w)}};
  } else {
    for (int i = 0; i < quad; ++i) q.v[i] = i < count ? static_cast<float>(p[i]) : 0.0F;
  }
  for (int i = 0; i < quad; ++i) q.v[i] /= unit;
  return q;
}
template <bool vector>
__device__ Quad load_pixels(const float* p, int count, float) {
  return load_quad<vector>(p, count);
}

__device__ std::int64_t source_image(const GatherArgs& args, std::int64_t row) {
  if (args.in_order) return row;
  const BatchStream stream(args.seed, static_cast<std::uint64_t>(args.images),
                           static_cast<std::uint64_t>(args.batch));
  const auto step = static_cast<std::uint64_t>(*args.first_step + args.offset);
  const auto first = static_cast<std::uint64_t>(row);
  std::int64_t result = 0;
  stream.visit(step, first, first + 1, [&](std::uint64_t, std::uint64_t image) {
    result = static_cast<std::int64_t>(image);
  });
  return result;
}

// Bytes a pixel: 1 or 4 in, 4 or 2 out. FLOPs: one division. A block does `rows` (1 to 8, a power
// of two) images, its threads shared out evenly; where each image lies is worked out once. Bound by
// bandwidth: (150, 784) bytes to float moves 0.6 MB, 0.11 us in L2, less than the 0.5 us that the
// permutation's chain of integer operations takes; (60000, 784) moves 235 MB, 55 us in HBM.
template <typename Pixel, typename Element, bool vector>
__global__ void __launch_bounds__(gather_threads)
    gather_kernel(Element* out, GatherArgs args, int rows) {
  __shared__ std::int64_t images[most_rows];
  const auto t = static_cast<int>(threadIdx.x);
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * rows;
  if (t < rows && first_row + t < args.batch) images[t] = source_image(args, first_row + t);
  __syncthreads();
  const int threads_a_row = static_cast<int>(gather_threads) / rows;
  const int local_row = t / threads_a_row;
  const std::int64_t row = first_row + local_row;
  if (row >= args.batch) return;
  const Pixel* source = static_cast<const Pixel*>(args.pixels) + images[local_row] * args.width;
  Element* target = out + row * args.stride;
  for (std::int64_t column = t % threads_a_row * quad; column < args.width;
       column += threads_a_row * quad) {
    const int count = tile_count(column, args.width);
    const Quad pixels = load_pixels<vector>(source + column, count, args.byte_unit);
    store_quad<vector>(target + column, pixels, count);
  }
}

template <typename Pixel, typename Element>
void launch_gather(Element* out, const GatherArgs& args, cudaStream_t stream) {
  if (args.batch < 1 || args.width < 1) return;
  // As many images a block as leave no thread idle, or leave two blocks a multiprocessor.
  int rows = 1;
  while (rows < static_cast<int>(most_rows) &&
         (args.width * rows * 2 <= gather_threads * quad || args.batch >= rows * std::int64_t{512}))
    rows *= 2;
  const dim3 blocks(static_cast<unsigned>(ceil_div(args.batch, rows)));
  const bool vector = takes_quads(out, args.stride) &&
                      takes_quads(static_cast<const Pixel*>(args.pixels), args.width);
  launch("launch gather",
         vector ? gather_kernel<Pixel, Element, true> : gather_kernel<Pixel, Element, false>,
         blocks, dim3(gather_threads), stream, out, args, rows);
}

template <typename Element>
void launch_for_type(Element* out, const GatherArgs& args, cudaStream_t stream) {
  if (args.type == PixelType::u8)
    launch_gather<unsigned char>(out, args, stream);
  else
    launch_gather<float>(out, args, stream);
}

}  // namespace

void gather(float* out, const GatherArgs& args, cudaStream_t stream) {
  launch_for_type(out, args, stream);
}
void gather(Bf16* out, const GatherArgs& args, cudaStream_t stream) {
  launch_for_type(out, args, stream);
}

}  // namespace hourglass::kernels
