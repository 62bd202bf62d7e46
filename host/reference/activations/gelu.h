// gelu(z) = z Phi(z), the exact form (Hendrycks and Gimpel, arXiv 1606.08415).
#pragma once

#include <cmath>
#include <numbers>

#include "reference/scalar.h"

namespace hourglass::reference {

struct Gelu {
  template <typename T>
  static T value(T z) {
    return z * T(0.5) * (T(1) + error_function(z * T(1.0 / std::numbers::sqrt2)));
  }
  template <typename T>
  static T slope(T z) {
    using std::exp;
    const T distribution = T(0.5) * (T(1) + error_function(z * T(1.0 / std::numbers::sqrt2)));
    const T density = exp(T(-0.5) * z * z) * T(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
    return distribution + z * density;
  }
};

}  // namespace hourglass::reference
