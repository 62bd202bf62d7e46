// What the kernels share: four elements at a time, tiles of a matrix, reductions in a fixed order.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/element.h"

namespace hourglass::kernels {

inline constexpr unsigned warp_size = 32;
inline constexpr unsigned all_lanes = 0xFFFFFFFFU;

__host__ __device__ constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// ---- Four elements of a row --------------------------------------------------------------------

inline constexpr int quad = 4;

struct alignas(16) Quad {
  float v[quad];
};

/// Whether rows of `stride` elements from p on can be read and written by whole quads.
template <typename Element>
bool takes_quads(const Element* p, std::int64_t stride) {
  return reinterpret_cast<std::uintptr_t>(p) % (quad * sizeof(Element)) == 0 && stride % quad == 0;
}

/// The first `count` (1 to 4) elements at p, zeros after them. `vector`: takes_quads() holds.
template <bool vector>
__device__ inline Quad load_quad(const float* p, int count) {
  if (vector && count == quad) {
    const float4 f = *reinterpret_cast<const float4*>(p);
    return {{f.x, f.y, f.z, f.w}};
  }
  Quad q;
  for (int i = 0; i < quad; ++i) q.v[i] = i < count ? p[i] : 0.0F;
  return q;
}

template <bool vector>
__device__ inline Quad load_quad(const Bf16* p, int count) {
  if (vector && count == quad) {
    const uint2 words = *reinterpret_cast<const uint2*>(p);
    return {{__uint_as_float(words.x << 16), __uint_as_float(words.x & 0xFFFF0000U),
             __uint_as_float(words.y << 16), __uint_as_float(words.y & 0xFFFF0000U)}};
  }
  Quad q;
  for (int i = 0; i < quad; ++i) q.v[i] = i < count ? __bfloat162float(p[i]) : 0.0F;
  return q;
}

template <bool vector>
__device__ inline void store_quad(float* p, const Quad& q, int count) {
  if (vector && count == quad) {
    *reinterpret_cast<float4*>(p) = make_float4(q.v[0], q.v[1], q.v[2], q.v[3]);
    return;
  }
  for (int i = 0; i < quad; ++i)
    if (i < count) p[i] = q.v[i];
}

template <bool vector>
__device__ inline void store_quad(Bf16* p, const Quad& q, int count) {
  if (vector && count == quad) {
    const auto bits = [&](int i) -> std::uint32_t {
      return __bfloat16_as_ushort(__float2bfloat16_rn(q.v[i]));
    };
    *reinterpret_cast<uint2*>(p) = make_uint2(bits(0) | bits(1) << 16, bits(2) | bits(3) << 16);
    return;
  }
  for (int i = 0; i < quad; ++i)
    if (i < count) p[i] = __float2bfloat16_rn(q.v[i]);
}

/// The value that an element of this type keeps of x.
template <typename Element>
__device__ inline float as_stored(float x) {
  if constexpr (sizeof(Element) == sizeof(float))
    return x;
  else
    return __bfloat162float(__float2bfloat16_rn(x));
}

// ---- Tiles: a block of 32 x 8 threads goes down 128 columns, a quad and eight rows apart --------

inline constexpr unsigned tile_rows = 8;
inline constexpr unsigned tile_threads = warp_size * tile_rows;
inline constexpr std::int64_t tile_columns = warp_size * quad;

inline dim3 tile_block() { return {warp_size, tile_rows, 1}; }
inline unsigned tiles_across(std::int64_t columns) {
  return static_cast<unsigned>(ceil_div(columns, tile_columns));
}

/// First column of this thread's quad; columns of tile blockIdx.y.
__device__ inline std::int64_t tile_column() {
  return static_cast<std::int64_t>(blockIdx.y) * tile_columns + threadIdx.x * quad;
}
/// How many of the quad's columns exist.
__device__ inline int tile_count(std::int64_t column, std::int64_t columns) {
  const std::int64_t left = columns - column;
  return static_cast<int>(left < 0 ? 0 : (left > quad ? quad : left));
}

/// Rows of a matrix cut into blocks whose sums are kept apart. At most 128 of them: Adam adds their
/// partial sums one after the other.
__host__ __device__ constexpr std::int64_t rows_per_block(std::int64_t rows) {
  constexpr std::int64_t most_blocks = 128;
  return ceil_div(ceil_div(rows, most_blocks), tile_rows) * tile_rows;
}
constexpr std::int64_t row_blocks(std::int64_t rows) {
  return rows < 1 ? 0 : ceil_div(rows, rows_per_block(rows));
}

/// The rows of row block blockIdx.x.
struct RowRange {
  std::int64_t first;
  std::int64_t last;
};
__device__ inline RowRange block_rows(std::int64_t rows) {
  const std::int64_t first = blockIdx.x * rows_per_block(rows);
  const std::int64_t last = first + rows_per_block(rows);
  return {first, last < rows ? last : rows};
}

// ---- Reductions --------------------------------------------------------------------------------

/// |x| as an integer: such integers order like the magnitudes, Inf above all numbers, NaN above
/// Inf.
__device__ inline std::uint32_t magnitude_bits(float x) { return __float_as_uint(x) & 0x7FFFFFFFU; }

/// The largest `bits` of a tile's warp into its place of `warps`; a barrier must follow.
__device__ inline void note_magnitude(std::uint32_t (&warps)[tile_rows], std::uint32_t bits) {
  bits = __reduce_max_sync(all_lanes, bits);
  if (threadIdx.x == 0) warps[threadIdx.y] = bits;
}
/// Raises *magnitude to the largest of the warps' numbers. For one thread of the block.
__device__ inline void raise_magnitude(std::uint32_t* magnitude,
                                       const std::uint32_t (&warps)[tile_rows]) {
  std::uint32_t bits = warps[0];
  for (unsigned warp = 1; warp < tile_rows; ++warp) bits = warps[warp] > bits ? warps[warp] : bits;
  if (bits != 0) atomicMax(magnitude, bits);
}

/// Sum over the lanes of a warp, the same tree in every lane.
template <typename T>
__device__ inline T warp_sum(T value) {
  for (int offset = warp_size / 2; offset > 0; offset /= 2)
    value += __shfl_xor_sync(all_lanes, value, offset);
  return value;
}

/// Sums of a tile's columns, one quad a thread.
using TileSums = Quad[tile_rows][warp_size];

/// Adds them up, warp by warp, into partials (row blocks, columns). After a barrier.
__device__ inline void store_column_sums(float* partials, const TileSums& sums,
                                         std::int64_t columns) {
  const unsigned t = threadIdx.y * warp_size + threadIdx.x;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.y) * tile_columns + t;
  if (t >= tile_columns || column >= columns) return;
  float total = 0.0F;
  for (unsigned row = 0; row < tile_rows; ++row) total += sums[row][t / quad].v[t % quad];
  partials[blockIdx.x * columns + column] = total;
}

}  // namespace hourglass::kernels
