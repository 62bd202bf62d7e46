// linear(z) = z.
#pragma once

namespace hourglass::reference {

struct Linear {
  template <typename T>
  static T value(T z) {
    return z;
  }
  template <typename T>
  static T slope(T) {
    return T(1);
  }
};

}  // namespace hourglass::reference
