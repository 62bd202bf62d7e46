// sigmoid(z) = 1 / (1 + exp(-z)).
#pragma once

#include <cmath>
#include <complex>

namespace hourglass::reference {

struct Sigmoid {
  template <typename T>
  static T value(T z) {
    using std::exp;
    return T(1) / (T(1) + exp(-z));
  }
  template <typename T>
  static T slope(T z) {
    const T a = value(z);
    return a * (T(1) - a);
  }
};

}  // namespace hourglass::reference
