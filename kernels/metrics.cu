#include "kernels/metrics.h"

#include "kernels/common.cuh"
#include "kernels/launch.h"

namespace hourglass::kernels {
namespace {

// One warp a row, lane l adds columns l, l + 32, ...; then the lanes' sums in a fixed tree.
// Bytes a pixel: 8. FLOPs: 7 in double. Bound by bandwidth: (10000, 784) moves 63 MB, 15 us in HBM
// (0.9 us of an H200's double arithmetic).
__global__ void __launch_bounds__(tile_threads)
    squared_errors_kernel(double* row_sums, const float* y, std::int64_t y_stride, const float* x,
                          std::int64_t x_stride, std::int64_t rows, std::int64_t columns) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * tile_rows + threadIdx.y;
  if (row >= rows) return;
  double error = 0;
  double clipped_error = 0;
  for (std::int64_t c = threadIdx.x; c < columns; c += warp_size) {
    const double output = y[row * y_stride + c];
    const double target = x[row * x_stride + c];
    const double clipped = output < 0.0 ? 0.0 : (output > 1.0 ? 1.0 : output);
    error += (output - target) * (output - target);
    clipped_error += (clipped - target) * (clipped - target);
  }
  error = warp_sum(error);
  clipped_error = warp_sum(clipped_error);
  if (threadIdx.x == 0) row_sums[2 * row] = error;
  if (threadIdx.x == 1) row_sums[2 * row + 1] = clipped_error;
}

constexpr unsigned range_columns = 32;
constexpr unsigned range_rows = 16;

struct Range {
  float low;
  float high;
};

// A NaN is not below anything and changes nothing, as in the CPU engine.
__device__ void widen(Range& range, float low, float high) {
  range.low = low < range.low ? low : range.low;
  range.high = high > range.high ? high : range.high;
}

// Blocks of 32 columns; thread row y goes down rows y, y + 16, ... Bytes a number: 4 or 2; 2
// comparisons. Few blocks, so bound by latency: (10000, 784) moves 31 MB, 7 us in HBM at best;
// evaluation is not part of a step.
template <typename Element>
__global__ void __launch_bounds__(range_columns* range_rows)
    unit_range_kernel(float* low, float* high, const Element* a, std::int64_t rows,
                      std::int64_t columns, std::int64_t stride) {
  __shared__ Range ranges[range_rows][range_columns];
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * range_columns + threadIdx.x;
  const bool exists = column < columns;
  if (exists) {
    Range range{low[column], high[column]};
    for (std::int64_t row = threadIdx.y; row < rows; row += range_rows) {
      const auto value = static_cast<float>(a[row * stride + column]);
      widen(range, value, value);
    }
    ranges[threadIdx.y][threadIdx.x] = range;
  }
  __syncthreads();
  if (!exists || threadIdx.y != 0) return;
  Range range = ranges[0][threadIdx.x];
  for (unsigned y = 1; y < range_rows; ++y)
    widen(range, ranges[y][threadIdx.x].low, ranges[y][threadIdx.x].high);
  low[column] = range.low;
  high[column] = range.high;
}

template <typename Element>
void launch_unit_range(float* low, float* high, const Element* a, std::int64_t rows,
                       std::int64_t columns, std::int64_t stride, cudaStream_t stream) {
  if (rows < 1 || columns < 1) return;
  launch("launch unit_range", unit_range_kernel<Element>,
         dim3(static_cast<unsigned>(ceil_div(columns, range_columns))),
         dim3(range_columns, range_rows), stream, low, high, a, rows, columns, stride);
}

// Bytes: 4 a partial sum. 1 FLOP each. A few hundred numbers: bound by latency, about 1 us.
__global__ void __launch_bounds__(tile_threads)
    sum_partials_kernel(double* sum, const float* partials, std::int64_t count) {
  __shared__ double warp_sums[tile_rows];
  double own = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += tile_threads)
    own += static_cast<double>(partials[i]);
  own = warp_sum(own);
  if (threadIdx.x % warp_size == 0) warp_sums[threadIdx.x / warp_size] = own;
  __syncthreads();
  if (threadIdx.x != 0) return;
  double total = 0;
  for (unsigned warp = 0; warp < tile_rows; ++warp) total += warp_sums[warp];
  *sum = total;
}

}  // namespace

void squared_errors(double* row_sums, const float* y, std::int64_t y_stride, const float* x,
                    std::int64_t x_stride, std::int64_t rows, std::int64_t columns,
                    cudaStream_t stream) {
  if (rows < 1) return;
  launch("launch squared_errors", squared_errors_kernel,
         dim3(static_cast<unsigned>(ceil_div(rows, tile_rows))), tile_block(), stream, row_sums, y,
         y_stride, x, x_stride, rows, columns);
}

void unit_range(float* low, float* high, const float* a, std::int64_t rows, std::int64_t columns,
                std::int64_t stride, cudaStream_t stream) {
  launch_unit_range(low, high, a, rows, columns, stride, stream);
}
void unit_range(float* low, float* high, const Bf16* a, std::int64_t rows, std::int64_t columns,
                std::int64_t stride, cudaStream_t stream) {
  launch_unit_range(low, high, a, rows, columns, stride, stream);
}

void sum_partials(double* sum, const float* partials, std::int64_t count, cudaStream_t stream) {
  launch("launch sum_partials", sum_partials_kernel, dim3(1), dim3(tile_threads), stream, sum,
         partials, count);
}

}  // namespace hourglass::kernels
