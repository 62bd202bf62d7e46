// Numbers for tests: counter-based, so that a failing case can be made again from its seed.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "hourglass/random.h"

namespace hourglass::test {

/// `count` numbers uniform in [low, high).
inline std::vector<float> uniform(std::size_t count, std::uint64_t seed, double low = -1.0,
                                  double high = 1.0) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto words = philox(seed, Purpose::weights, i, 99);
    values[i] = static_cast<float>(low + (high - low) * unit_interval(words[0], words[1]));
  }
  return values;
}

/// `count` whole numbers in [-bound, bound].
inline std::vector<float> whole_numbers(std::size_t count, std::uint64_t seed, int bound) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(static_cast<int>(philox(seed, Purpose::weights, i, 98)[0] %
                                                    static_cast<std::uint32_t>(2 * bound + 1)) -
                                   bound);
  return values;
}

inline constexpr float poison = std::numeric_limits<float>::quiet_NaN();

}  // namespace hourglass::test
