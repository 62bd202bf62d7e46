// tanh(z).
#pragma once

#include <cmath>
#include <complex>

namespace hourglass::reference {

struct Tanh {
  template <typename T>
  static T value(T z) {
    using std::tanh;
    return tanh(z);
  }
  template <typename T>
  static T slope(T z) {
    const T a = value(z);
    return T(1) - a * a;
  }
};

}  // namespace hourglass::reference
