// Vectors of `lanes` floats on GCC's vector extensions. This header and its neighbours are compiled
// once for every instruction set (see table.cpp), each time into a namespace of its own, with
// HOURGLASS_SIMD the name of that namespace and HOURGLASS_LANES the floats in a register.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if HOURGLASS_LANES > 4
#include <immintrin.h>
#endif

namespace hourglass::cpu::HOURGLASS_SIMD {

inline constexpr int lanes = HOURGLASS_LANES;
inline constexpr int tile_rows = HOURGLASS_TILE_ROWS;  // of a register tile of the products
inline constexpr int tile_vectors = 2;                 // columns of it, in vectors
inline constexpr int panel_width = tile_vectors * lanes;

using Vec = float __attribute__((vector_size(lanes * 4)));
using IntVec = std::int32_t __attribute__((vector_size(lanes * 4)));

#define HOURGLASS_INLINE inline __attribute__((always_inline))

HOURGLASS_INLINE Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
HOURGLASS_INLINE void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }
HOURGLASS_INLINE Vec broadcast(float x) { return x - Vec{}; }  // not Vec{} + x: that loses -0

/// a * b + c, rounded once where the instruction set can. Said by intrinsic: what a compiler fuses
/// on its own differs from loop to loop, and with it the bits.
HOURGLASS_INLINE Vec multiply_add(Vec a, Vec b, Vec c) {
#if HOURGLASS_LANES == 16
  return _mm512_fmadd_ps(a, b, c);
#elif HOURGLASS_LANES == 8
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

HOURGLASS_INLINE IntVec bits(Vec v) { return reinterpret_cast<IntVec>(v); }
HOURGLASS_INLINE Vec from_bits(IntVec v) { return reinterpret_cast<Vec>(v); }

/// Magnitudes as integers order NaN above Inf above every finite number, so one integer maximum
/// finds any of them.
HOURGLASS_INLINE IntVec magnitude(Vec v) { return bits(v) & 0x7FFFFFFF; }
HOURGLASS_INLINE IntVec maximum(IntVec a, IntVec b) { return a > b ? a : b; }
HOURGLASS_INLINE std::uint32_t reduce_maximum(IntVec v) {
  std::int32_t result = v[0];
  for (int i = 1; i < lanes; ++i) result = v[i] > result ? v[i] : result;
  return static_cast<std::uint32_t>(result);
}

/// The nearest bf16 numbers, ties to even: a float's upper half. NaN stays NaN.
HOURGLASS_INLINE Vec round_to_bf16(Vec v) {
  using Unsigned = std::uint32_t __attribute__((vector_size(lanes * 4)));
  const auto b = reinterpret_cast<Unsigned>(v);
  const Unsigned rounded = (b + 0x7FFFU + ((b >> 16) & 1U)) & 0xFFFF0000U;
  return magnitude(v) > 0x7F800000 ? v : reinterpret_cast<Vec>(rounded);
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
