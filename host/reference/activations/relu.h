// relu(z) = max(z, 0); slope 0 at the kink, as everywhere in the field.
#pragma once

#include "reference/scalar.h"

namespace hourglass::reference {

struct Relu {
  template <typename T>
  static T value(T z) {
    return real_part(z) < 0 ? T(0) : z;
  }
  template <typename T>
  static T slope(T z) {
    return real_part(z) > 0 ? T(1) : T(0);
  }
};

}  // namespace hourglass::reference
