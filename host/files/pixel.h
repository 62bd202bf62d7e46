// A network's numbers as brightness.
#pragma once

#include <algorithm>

namespace hourglass {

/// `value` clipped to [0, 1]; NaN is 0.
inline float clip(float value) { return value > 0 ? std::min(value, 1.0F) : 0.0F; }

}  // namespace hourglass
