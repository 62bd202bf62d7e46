// Exponential functions on vectors, a few units in the last place from the exact value.
#pragma once

#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

HOURGLASS_INLINE Vec absolute(Vec v) { return from_bits(magnitude(v)); }

HOURGLASS_INLINE Vec copy_sign(Vec v, Vec sign) {
  return from_bits(magnitude(v) | (bits(sign) & static_cast<std::int32_t>(0x80000000U)));
}

/// x = n ln 2 + r with whole n and |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2).
struct ReducedArgument {
  IntVec n;
  Vec r;
};

HOURGLASS_INLINE ReducedArgument reduce(Vec x) {
  constexpr float log2_e = 1.44269504088896341F;
  constexpr float ln2_high = 0.693145751953125F;  // 0x1.62e4p-1
  constexpr float ln2_low = 1.42860682030941723e-6F;
  constexpr float round_to_integer = 0x1.8p23F;  // adding it leaves no bits for a fraction
  const Vec shifted = multiply_add(x, broadcast(log2_e), broadcast(round_to_integer));
  const IntVec n = bits(shifted) - bits(broadcast(round_to_integer));
  const Vec whole = shifted - round_to_integer;
  return {n,
          multiply_add(whole, broadcast(-ln2_low), multiply_add(whole, broadcast(-ln2_high), x))};
}

/// exp(r) - 1 for |r| <= ln 2 / 2: the Taylor series to r^7, truncation error 5e-9.
HOURGLASS_INLINE Vec exponential_series(Vec r) {
  Vec q = broadcast(1.0F / 5040.0F);
  q = multiply_add(q, r, broadcast(1.0F / 720.0F));
  q = multiply_add(q, r, broadcast(1.0F / 120.0F));
  q = multiply_add(q, r, broadcast(1.0F / 24.0F));
  q = multiply_add(q, r, broadcast(1.0F / 6.0F));
  q = multiply_add(q, r, broadcast(0.5F));
  return multiply_add(q * r, r, r);
}

/// 2^n for n in [-126, 127].
HOURGLASS_INLINE Vec power_of_two(IntVec n) { return from_bits((n + 127) << 23); }

/// exp(x); overflows to Inf, underflows to 0, NaN stays NaN.
HOURGLASS_INLINE Vec exponential(Vec x) {
  const Vec bounded = x < -104.0F ? broadcast(-104.0F) : (x > 89.0F ? broadcast(89.0F) : x);
  const ReducedArgument a = reduce(bounded);
  const IntVec half = a.n >> 1;  // in two factors: n reaches 128 and -150
  return (1.0F + exponential_series(a.r)) * power_of_two(half) * power_of_two(a.n - half);
}

/// exp(x) - 1 for x <= 0, without cancellation near 0.
HOURGLASS_INLINE Vec exponential_minus_one(Vec x) {
  const Vec bounded = x < -87.0F ? broadcast(-87.0F) : x;
  const ReducedArgument a = reduce(bounded);
  const Vec scale = power_of_two(a.n);
  return multiply_add(scale, exponential_series(a.r), scale - 1.0F);
}

/// erfc(x). For t >= 0, erfc(t) = exp(-t^2) k P(k) with k = 1 / (1 + 0.4 t) (the form of Abramowitz
/// and Stegun 7.1.26); P was fitted by least squares to 1.9e-7 relative error.
HOURGLASS_INLINE Vec complementary_error_function(Vec x) {
  const Vec t = absolute(x);
  const Vec k = 1.0F / multiply_add(t, broadcast(0.4F), broadcast(1.0F));
  Vec p = broadcast(0.0492226209F);
  p = multiply_add(p, k, broadcast(-0.17893935F));
  p = multiply_add(p, k, broadcast(0.162975302F));
  p = multiply_add(p, k, broadcast(-0.000721046287F));
  p = multiply_add(p, k, broadcast(0.139274096F));
  p = multiply_add(p, k, broadcast(0.169058456F));
  p = multiply_add(p, k, broadcast(0.207781681F));
  p = multiply_add(p, k, broadcast(0.225672418F));
  p = multiply_add(p, k, broadcast(0.225675837F));
  const Vec tail = exponential(-t * t) * k * p;
  return x < 0.0F ? 2.0F - tail : tail;
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
