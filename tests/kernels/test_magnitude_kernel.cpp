#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "kernels/magnitude.h"
#include "support/catch.h"
#include "support/numbers.h"

using namespace hourglass;
using test::DeviceArray;
using test::DeviceMatrix;

namespace {

float magnitude_of(const test::Layout& layout, const std::vector<float>& values, float before) {
  const DeviceMatrix<float> matrix(layout, values);
  const DeviceArray<std::uint32_t> largest(
      std::vector<std::uint32_t>{std::bit_cast<std::uint32_t>(before)});
  kernels::magnitude(largest.data(), matrix.data(), layout.rows, layout.columns, layout.stride,
                     nullptr);
  return std::bit_cast<float>(largest.get()[0]);
}

}  // namespace

TEST_CASE("magnitude is exact wherever the largest number lies") {
  test::ExactCases cases("magnitude");
  test::for_each_shape([&](std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
    auto values = test::small_whole_numbers(rows * columns, variant);
    values[variant * 2654435761U % values.size()] = -9.0F;
    const float found = magnitude_of(test::make_layout(rows, columns, variant), values, 0.0F);
    cases.add(test::shape_text(rows, columns, variant),
              found == 9.0F ? "" : "found " + std::to_string(found));
  });
}

TEST_CASE("magnitude raises what is there, and orders NaN above Inf above all numbers") {
  const auto layout = test::make_layout(3, 50, 1);
  std::vector<float> values(150, 0.5F);
  CHECK(magnitude_of(layout, values, 2.0F) == 2.0F);
  values[149] = -std::numeric_limits<float>::infinity();
  CHECK(magnitude_of(layout, values, 2.0F) == std::numeric_limits<float>::infinity());
  values[20] = test::poison;
  CHECK(std::isnan(magnitude_of(layout, values, 2.0F)));
}

TEST_CASE("magnitude of no numbers is nothing to do") {
  const auto layout = test::make_layout(1, 1, 1);
  const DeviceMatrix<float> matrix(layout, {9.0F});
  const DeviceArray<std::uint32_t> largest(std::vector<std::uint32_t>{7});
  kernels::magnitude(largest.data(), matrix.data(), 0, 1, 1, nullptr);
  kernels::magnitude(largest.data(), matrix.data(), 1, 0, 1, nullptr);
  CHECK(largest.get()[0] == 7);
}
