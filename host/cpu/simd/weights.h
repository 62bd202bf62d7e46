// Kernels on weight panels: Adam's pass and the transposition that gives the forward panels.
#pragma once

#include "cpu/kernels.h"
#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

inline void adam(const AdamArgs& p) {
  float* __restrict w = p.parameters;
  float* __restrict m = p.first_moment;
  float* __restrict v = p.second_moment;
  const float* __restrict g = p.gradient;
  const AdamStep s = p.scalars;
  for (std::int64_t i = 0; i < p.count; ++i) {
    m[i] += s.one_minus_beta1 * (g[i] - m[i]);
    v[i] += s.one_minus_beta2 * (g[i] * g[i] - v[i]);
    w[i] -= s.rate * m[i] / (__builtin_sqrtf(v[i]) + s.epsilon);
  }
}

/// `to` is `from` rounded to bf16; both have room for whole vectors.
inline void round_numbers(const float* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; i += lanes) store(to + i, round_to_bf16(load(from + i)));
}

/// Interleaves the lower (or upper) halves of two vectors: a0 b0 a1 b1 ...
template <bool upper>
HOURGLASS_INLINE Vec interleave(Vec a, Vec b) {
  IntVec mask;
  for (int i = 0; i < lanes; ++i)
    mask[i] = (upper ? lanes / 2 : 0) + i / 2 + (i % 2 == 1 ? lanes : 0);
  return __builtin_shuffle(a, b, mask);
}

/// Transposes one square block of `lanes` by perfect shuffles: log2(lanes) rounds, each of which
/// interleaves row i with row i + lanes / 2.
template <bool bf16>
HOURGLASS_INLINE void transpose_block(const float* source, std::int64_t source_stride, int rows,
                                      float* destination, std::int64_t destination_stride,
                                      int destination_rows) {
  Vec block[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) {
    const Vec row = i < rows ? load(source + i * source_stride) : Vec{};
    block[i] = bf16 ? round_to_bf16(row) : row;
  }
#pragma GCC unroll 4
  for (int round = 1; round < lanes; round *= 2) {
    Vec next[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes / 2; ++i) {
      next[2 * i] = interleave<false>(block[i], block[i + lanes / 2]);
      next[2 * i + 1] = interleave<true>(block[i], block[i + lanes / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) block[i] = next[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i)
    if (i < destination_rows) store(destination + i * destination_stride, block[i]);
}

template <bool bf16>
void transpose_panel(const TransposeArgs& p) {
  for (int row = 0; row < panel_width; row += lanes) {
    const int rows = static_cast<int>(p.rows) - row;
    for (int column = 0; column < p.destination_rows; column += lanes)
      transpose_block<bf16>(p.source + row * panel_width + column, panel_width, rows,
                            p.destination + column * panel_width + row, panel_width,
                            static_cast<int>(p.destination_rows) - column);
  }
}

inline void transpose(const TransposeArgs& p) {
  p.bf16 ? transpose_panel<true>(p) : transpose_panel<false>(p);
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
