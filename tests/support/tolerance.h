// The tolerance model (docs/testing.md): no hand-tuned numbers.
//   exact          integer-valued inputs whose partial sums stay below 2^24: compare bitwise
//   componentwise  |C - C64| <= 16 u (|A| |B|), u = 2^-24: the threshold of the reference BLAS
//   2x             error against double at most twice that of a plain computation in the same
//                  precision
#pragma once

#include <cmath>
#include <limits>

namespace hourglass::test {

inline constexpr double unit_roundoff = 0x1p-24;
inline constexpr double blas_threshold = 16.0;

/// Error in units of u * magnitude, where magnitude is the same sum over absolute values. Infinite
/// where anything is NaN, which a largest of many errors would overlook.
inline double error_in_u(double found, double expected, double magnitude) {
  const double error = std::abs(found - expected);
  if (error == 0) return 0;
  const double units = error / (unit_roundoff * magnitude);
  return std::isnan(units) ? std::numeric_limits<double>::infinity() : units;
}

}  // namespace hourglass::test
