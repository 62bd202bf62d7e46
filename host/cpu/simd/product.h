// Matrix products on register tiles, the heart of the CPU engine.
//
// C (rows, columns) = sum over k of A(row, k) * B[k][column], where B is one packed panel of
// `panel_width` columns and A is read by broadcast, with any strides: the same kernel computes
// x W^T, dz W and dz^T a. Every element is summed over k in ascending order, by fused multiply-adds
// on one accumulator: the result does not depend on tiles, threads or the width of a vector.
//
// A tile of R rows and two vectors does 2R multiply-adds for 2 loads and R broadcasts; R = 6 fills
// the 16 registers of AVX2, R = 14 the 32 of AVX-512.
#pragma once

#include "cpu/kernels.h"
#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

template <int rows, int vectors, bool k_contiguous>
HOURGLASS_INLINE void product_tile(const ProductArgs& p, const float* a, float* c) {
  Vec sum[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = p.accumulate ? load(c + r * p.c_stride + v * lanes) : Vec{};

  const float* b = p.panel;
  const std::int64_t row_step = k_contiguous ? p.a_stride : 1;
  const std::int64_t k_step = k_contiguous ? 1 : p.a_stride;
  for (std::int64_t k = 0; k < p.depth; ++k) {
    Vec bv[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) bv[v] = load(b + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const Vec av = broadcast(a[r * row_step]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[r][v] = multiply_add(av, bv[v], sum[r][v]);
    }
    a += k_step;
    b += panel_width;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) store(c + r * p.c_stride + v * lanes, sum[r][v]);
}

/// Fetches the part of the next panel that belongs to tile rows [row, row + rows): spread over the
/// tiles, so that far memory is read while arithmetic goes on.
template <int rows>
HOURGLASS_INLINE void fetch_next_panel(const ProductArgs& p, std::int64_t row) {
  if (p.next_panel == nullptr) return;
  constexpr std::int64_t line = 16;
  const std::int64_t size = p.depth * panel_width;
  const std::int64_t begin = size * row / p.rows / line * line;
  const std::int64_t end = size * (row + rows) / p.rows;
  for (std::int64_t i = begin; i < end; i += line) __builtin_prefetch(p.next_panel + i, 0, 2);
}

template <int rows, int vectors, bool k_contiguous>
void product_rows(const ProductArgs& p, std::int64_t first) {
  if constexpr (rows > 0) {
    const float* a = p.a + first * (k_contiguous ? p.a_stride : 1);
    float* c = p.c + first * p.c_stride;
    std::int64_t row = first;
    for (; row + rows <= p.rows; row += rows) {
      fetch_next_panel<rows>(p, row);
      product_tile<rows, vectors, k_contiguous>(p, a, c);
      a += rows * (k_contiguous ? p.a_stride : 1);
      c += rows * p.c_stride;
    }
    if (row < p.rows) product_rows<rows - 1, vectors, k_contiguous>(p, row);
  }
}

inline void product(const ProductArgs& p) {
  const bool one_vector = p.columns <= lanes;
  if (p.k_contiguous)
    one_vector ? product_rows<tile_rows, 1, true>(p, 0) : product_rows<tile_rows, 2, true>(p, 0);
  else
    one_vector ? product_rows<tile_rows, 1, false>(p, 0) : product_rows<tile_rows, 2, false>(p, 0);
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
