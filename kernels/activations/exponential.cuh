// Exponential functions by one fixed recipe, the CPU engine's with its fused operations, so that an
// emulator, a GPU and the CPU engine can agree in every bit, which no library's expf promises.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace hourglass::kernels {

/// x = n ln 2 + r with whole n and |r| <= ln 2 / 2 (Cody and Waite's two-part ln 2).
struct ReducedArgument {
  int n;
  float r;
};

__device__ inline ReducedArgument reduce_argument(float x) {
  constexpr float log2_e = 1.44269504088896341F;
  constexpr float ln2_high = 0.693145751953125F;
  constexpr float ln2_low = 1.42860682030941723e-6F;
  constexpr float round_to_integer = 0x1.8p23F;  // adding it leaves no bits for a fraction
  const float shifted = fmaf(x, log2_e, round_to_integer);
  const std::uint32_t n = __float_as_uint(shifted) - __float_as_uint(round_to_integer);
  const float whole = shifted - round_to_integer;
  return {static_cast<int>(n), fmaf(whole, -ln2_low, fmaf(whole, -ln2_high, x))};
}

/// exp(r) - 1 for |r| <= ln 2 / 2: the Taylor series to r^7, truncation error 5e-9.
__device__ inline float exponential_series(float r) {
  float q = 1.0F / 5040.0F;
  q = fmaf(q, r, 1.0F / 720.0F);
  q = fmaf(q, r, 1.0F / 120.0F);
  q = fmaf(q, r, 1.0F / 24.0F);
  q = fmaf(q, r, 1.0F / 6.0F);
  q = fmaf(q, r, 0.5F);
  return fmaf(q * r, r, r);
}

/// 2^n for n in [-126, 127].
__device__ inline float power_of_two(int n) {
  return __uint_as_float((static_cast<std::uint32_t>(n) + 127U) << 23);
}

/// exp(x); overflows to Inf, underflows to 0, NaN stays NaN.
__device__ inline float exponential(float x) {
  const float bounded = x < -104.0F ? -104.0F : (x > 89.0F ? 89.0F : x);
  const ReducedArgument a = reduce_argument(bounded);
  const int half = a.n >> 1;  // in two factors: n reaches 128 and -150
  return (1.0F + exponential_series(a.r)) * power_of_two(half) *
         power_of_two(
             static_cast<int>(static_cast<std::uint32_t>(a.n) - static_cast<std::uint32_t>(half)));
}

/// exp(x) - 1 for x <= 0, without cancellation near 0.
__device__ inline float exponential_minus_one(float x) {
  const ReducedArgument a = reduce_argument(x < -87.0F ? -87.0F : x);
  const float scale = power_of_two(a.n);
  return fmaf(scale, exponential_series(a.r), scale - 1.0F);
}

/// erfc(x). For t >= 0, erfc(t) = exp(-t^2) k P(k) with k = 1 / (1 + 0.4 t) (the form of Abramowitz
/// and Stegun 7.1.26); P was fitted by least squares to 1.9e-7 relative error.
__device__ inline float complementary_error_function(float x) {
  const float t = fabsf(x);
  const float k = 1.0F / fmaf(t, 0.4F, 1.0F);
  float p = 0.0492226209F;
  p = fmaf(p, k, -0.17893935F);
  p = fmaf(p, k, 0.162975302F);
  p = fmaf(p, k, -0.000721046287F);
  p = fmaf(p, k, 0.139274096F);
  p = fmaf(p, k, 0.169058456F);
  p = fmaf(p, k, 0.207781681F);
  p = fmaf(p, k, 0.225672418F);
  p = fmaf(p, k, 0.225675837F);
  const float tail = exponential(-t * t) * k * p;
  return x < 0.0F ? 2.0F - tail : tail;
}

}  // namespace hourglass::kernels
