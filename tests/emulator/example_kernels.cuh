// Small kernels that use what the emulator offers, each right with Bug::none, and each wrong in one
// way with one of the other values. Plain CUDA: nvcc compiles this file too.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

namespace example {

enum class Bug {
  none,
  missing_barrier,
  missing_second_barrier,
  missing_warp_barrier,
  missing_fence,
  missing_atomic,
  barrier_in_branch,
  different_barriers,
  return_before_barrier,
  mask_lacks_lanes,
  mask_names_exited_lane,
  different_warp_calls,
  warp_waits_for_barrier,
  read_past_end,
  write_past_end,
  write_before_begin,
  shared_past_end,
  dynamic_past_end,
  unwritten_shared,
  edge_not_filled,
  misaligned,
  stack_overflow,
};

constexpr unsigned all_lanes = 0xffffffffu;

/// The block's dynamic shared memory; see the README.
template <class T>
__device__ T* dynamic_shared() {
#ifdef HOURGLASS_EMULATOR
  return static_cast<T*>(emulator::dynamic_shared_memory());
#else
  extern __shared__ __align__(16) unsigned char dynamic_shared_bytes[];
  return reinterpret_cast<T*>(dynamic_shared_bytes);
#endif
}

template <Bug bug>
__device__ __forceinline__ float warp_sum(float value) {
  const unsigned mask = bug == Bug::mask_lacks_lanes ? 0x0000ffffu : all_lanes;
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(mask, value, offset);
  return value;
}

/// Sum of the block's values in thread 0, in a fixed order; other threads get parts of it.
template <Bug bug>
__device__ float block_sum(float value) {
  __shared__ float partial[32];
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  value = warp_sum<bug>(value);
  if (lane == 0) partial[(bug == Bug::shared_past_end ? blockDim.x / 4 : 0) + warp] = value;
  if (bug == Bug::barrier_in_branch) {
    if (warp == 0) __syncthreads();
  } else if (bug == Bug::different_barriers) {
    if (warp == 0) {
      __syncthreads();
    } else {
      __syncthreads();
    }
  } else if (bug != Bug::missing_barrier) {
    __syncthreads();
  }
  value = lane < blockDim.x / 32 ? partial[lane] : 0.0f;
  return warp_sum<bug>(value);
}

/// partial[block] = sum of the block's share of x[0, n). Any grid, blocks of whole warps.
template <Bug bug>
__global__ void sum_blocks(const float* x, float* partial, int n) {
  const int end = bug == Bug::read_past_end ? n + 1 : n;
  const int first = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int stride = static_cast<int>(gridDim.x * blockDim.x);
  if (bug == Bug::return_before_barrier && first >= n) return;
  float sum = 0.0f;
  for (int i = first; i < end; i += stride) sum += x[i];
  sum = block_sum<bug>(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

/// The same, and the block that finishes last adds up the partial sums. `ticket` is 0 before and
/// after.
template <Bug bug>
__global__ void sum_last_block(const float* x, float* partial, unsigned* ticket, float* sum,
                               int n) {
  __shared__ bool last;
  float own = 0.0f;
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n;
       i += static_cast<int>(gridDim.x * blockDim.x)) {
    own += x[i];
  }
  own = block_sum<bug>(own);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = own;
    if (bug != Bug::missing_fence) __threadfence();
    if (bug == Bug::missing_atomic) {
      last = (*ticket)++ == gridDim.x - 1;
    } else {
      last = atomicInc(ticket, gridDim.x - 1) == gridDim.x - 1;
    }
    __threadfence();
  }
  __syncthreads();
  if (!last || threadIdx.x != 0) return;
  float total = 0.0f;
  for (unsigned block = 0; block < gridDim.x; ++block) total += partial[block];
  *sum = total;
  if (bug == Bug::missing_atomic) *ticket = 0;
}

/// out[c][r] = in[r][c], through a padded tile. Blocks of 32 x 8.
template <Bug bug>
__global__ void transpose(const float* in, float* out, int rows, int columns) {
  __shared__ float tile[32][33];
  const int x = static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(threadIdx.y);
  const int column0 = static_cast<int>(blockIdx.x) * 32;
  const int row0 = static_cast<int>(blockIdx.y) * 32;
  for (int i = y; i < 32; i += 8) {
    if (row0 + i < rows && column0 + x < columns) {
      tile[i][x] = in[(row0 + i) * columns + column0 + x];
    }
  }
  if (bug != Bug::missing_barrier) __syncthreads();
  for (int i = y; i < 32; i += 8) {
    const int shift = bug == Bug::write_before_begin ? -1 : bug == Bug::write_past_end ? 1 : 0;
    if (column0 + i < columns && row0 + x < rows) {
      out[(column0 + i) * rows + row0 + x + shift] = tile[x][i];
    }
  }
}

/// c = a b for row-major (m, k) and (k, n). Blocks of 16 x 16.
template <class T, Bug bug>
__global__ void __launch_bounds__(256) product(const T* a, const T* b, T* c, int m, int n, int k) {
  __shared__ T tile_a[16][17];
  __shared__ T tile_b[16][17];
  const int x = static_cast<int>(threadIdx.x);
  const int y = static_cast<int>(threadIdx.y);
  const int row = static_cast<int>(blockIdx.y) * 16 + y;
  const int column = static_cast<int>(blockIdx.x) * 16 + x;
  T sum = 0;
  for (int k0 = 0; k0 < k; k0 += 16) {
    const bool inside_a = row < m && k0 + x < k;
    if (inside_a || bug != Bug::edge_not_filled) {
      tile_a[y][x] = inside_a ? a[row * k + k0 + x] : T(0);
    }
    tile_b[y][x] = column < n && k0 + y < k ? b[(k0 + y) * n + column] : T(0);
    __syncthreads();
    for (int i = 0; i < 16; ++i) {
      sum += tile_a[y][i] * tile_b[i][bug == Bug::unwritten_shared ? 16 : x];
    }
    if (bug != Bug::missing_second_barrier) __syncthreads();
  }
  if (row < m && column < n) c[row * n + column] = sum;
}

/// Sum of 64 values by one warp, as a tree in shared memory.
template <Bug bug>
__global__ void warp_tree(const float* x, float* sum) {
  __shared__ float tree[64];
  const unsigned lane = threadIdx.x;
  tree[lane] = x[lane];
  tree[lane + 32] = x[lane + 32];
  for (unsigned width = 32; width > 0; width /= 2) {
    if (bug != Bug::missing_warp_barrier) __syncwarp();
    if (lane < width) tree[lane] += tree[lane + width];
  }
  if (lane == 0) *sum = tree[0];
}

/// out[i] = in[count - 1 - i] within one block, through dynamic shared memory.
template <Bug bug>
__global__ void reverse(const int* in, int* out) {
  int* buffer = dynamic_shared<int>();
  const unsigned shift = bug == Bug::dynamic_past_end ? 4 : 0;
  buffer[threadIdx.x + shift] = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = buffer[blockDim.x - 1 - threadIdx.x + shift];
}

/// Inclusive prefix sums of each warp, and how many of its values are odd.
template <Bug bug>
__global__ void warp_scan(const int* in, int* sums, int* odd) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (bug == Bug::mask_names_exited_lane && lane == 31) return;
  const int value = in[threadIdx.x];
  int sum = value;
  for (int offset = 1; offset < 32; offset *= 2) {
    const int below = __shfl_up_sync(all_lanes, sum, offset);
    if (lane >= offset) sum += below;
  }
  if (bug == Bug::different_warp_calls && lane < 16) __syncwarp();
  if (bug == Bug::warp_waits_for_barrier && lane < 16) __syncthreads();
  sums[threadIdx.x] = sum;
  odd[threadIdx.x] = __popc(__ballot_sync(all_lanes, value % 2 != 0));
}

/// Doubles 4 `quads` floats, four at a time.
template <Bug bug>
__global__ void double_quads(const float* in, float* out, int quads) {
  const int shift = bug == Bug::misaligned ? 1 : 0;
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i + shift >= quads) return;
  float4 value = *reinterpret_cast<const float4*>(in + 4 * i + shift);
  value = make_float4(2 * value.x, 2 * value.y, 2 * value.z, 2 * value.w);
  *reinterpret_cast<float4*>(out + 4 * i + shift) = value;
}

/// Counts down by recursion; each frame points to the one above.
template <Bug bug>
__device__ int depth(volatile int* above) {
  volatile int frame[64];
  frame[0] = above[0] - 1;
  if (frame[0] == (bug == Bug::stack_overflow ? -1000000 : 0)) return 1;
  return depth<bug>(frame) + 1;
}
template <Bug bug>
__global__ void recurse(int* out) {
  volatile int start = 10;
  *out = depth<bug>(&start);
}

}  // namespace example
