// The built-in data set's own numbers.
#pragma once

#include <cstdint>

namespace hourglass::strokes {

inline constexpr std::int64_t side = 28;
inline constexpr std::uint64_t default_seed = 1;
inline constexpr std::int64_t default_train = 55'000;

/// Where the parts begin in the endless row of images: far apart, so that a part's images do not
/// depend on the size of another, and multiples of 10, so that each begins with a zero.
inline constexpr std::int64_t train_first = 0;
inline constexpr std::int64_t validation_first = 1'000'000'000'000;
inline constexpr std::int64_t test_first = 2'000'000'000'000;

/// The digit that image `index` shows.
constexpr std::int32_t digit_of(std::int64_t index) {
  return static_cast<std::int32_t>(index % 10);
}

}  // namespace hourglass::strokes
