#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "kernels/metrics.h"
#include "support/catch.h"
#include "support/numbers.h"

using namespace hourglass;
using kernels::Bf16;
using test::DeviceArray;
using test::DeviceMatrix;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

template <typename Element>
std::string range_problem(const test::Layout& layout, const std::vector<float>& values) {
  const auto columns = static_cast<std::size_t>(layout.columns);
  std::vector<float> low(columns, infinity);
  std::vector<float> high(columns, -infinity);
  low[0] = -100.0F;  // seen before
  high[columns - 1] = 100.0F;
  const DeviceMatrix<Element> a(layout, values);
  const DeviceArray<float> device_low(low);
  const DeviceArray<float> device_high(high);
  kernels::unit_range(device_low.data(), device_high.data(), a.data(), layout.rows, layout.columns,
                      layout.stride, nullptr);
  for (std::size_t i = 0; i < values.size(); ++i) {
    low[i % columns] = std::min(low[i % columns], values[i]);
    high[i % columns] = std::max(high[i % columns], values[i]);
  }
  return test::first_difference(device_low.get(), low) +
         test::first_difference(device_high.get(), high);
}

template <typename Element>
void range_cases(const char* kernel) {
  test::ExactCases cases(kernel);
  test::for_each_shape([&](std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
    const auto values = test::small_whole_numbers(rows * columns, variant);
    const auto layout = test::make_layout(rows, columns, variant);
    cases.add(test::shape_text(rows, columns, variant), range_problem<Element>(layout, values));
  });
}

std::vector<double> squared_errors(const test::Layout& y_layout, const std::vector<float>& y,
                                   const test::Layout& x_layout, const std::vector<float>& x) {
  const DeviceMatrix<float> device_y(y_layout, y);
  const DeviceMatrix<float> device_x(x_layout, x);
  const DeviceArray<double> sums(2 * y_layout.rows);
  kernels::squared_errors(sums.data(), device_y.data(), y_layout.stride, device_x.data(),
                          x_layout.stride, y_layout.rows, y_layout.columns, nullptr);
  return sums.get();
}

}  // namespace

TEST_CASE("squared_errors is exact on whole numbers") {
  test::ExactCases cases("squared_errors");
  test::for_each_shape([&](std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
    const auto y = test::small_whole_numbers(rows * columns, variant);
    const auto x = test::small_whole_numbers(rows * columns, variant + 1);
    std::vector<double> expected(static_cast<std::size_t>(2 * rows));
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t row = i / static_cast<std::size_t>(columns);
      const double clipped = std::clamp(static_cast<double>(y[i]), 0.0, 1.0);
      expected[2 * row] += (y[i] - x[i]) * (y[i] - x[i]);
      expected[2 * row + 1] += (clipped - x[i]) * (clipped - x[i]);
    }
    const auto found = squared_errors(test::make_layout(rows, columns, variant), y,
                                      test::make_layout(rows, columns, variant + 1), x);
    cases.add(test::shape_text(rows, columns, variant), test::first_difference(found, expected));
  });
}

TEST_CASE("squared_errors of NaN are NaN, of that row alone") {
  std::vector<float> y(3 * 40, 0.5F);
  y[45] = test::poison;
  const auto layout = test::make_layout(3, 40, 0);
  const auto found = squared_errors(layout, y, layout, std::vector<float>(3 * 40, 0.25F));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(test::first_difference(found, {2.5, 2.5, nan, nan, 2.5, 2.5}) == "");
}

TEST_CASE("unit_range is exact, float") { range_cases<float>("unit_range float"); }
TEST_CASE("unit_range is exact, bf16") { range_cases<Bf16>("unit_range bf16"); }

TEST_CASE("unit_range passes over NaN and takes Inf") {
  const auto layout = test::make_layout(4, 2, 0);
  CHECK(range_problem<float>(layout, {1, test::poison, 2, infinity, -infinity, 3, 4, 5}) == "");
}

TEST_CASE("sum_partials is exact on whole numbers") {
  test::ExactCases cases("sum_partials");
  for (std::int64_t count = 1; count <= 300; ++count) {
    const std::int64_t more = count > 260 ? count * 37 : count;
    const auto values = test::small_whole_numbers(more, static_cast<std::uint64_t>(count));
    double expected = 0;
    for (const float value : values) expected += value;
    const DeviceArray<float> partials(values, count % 4);
    const DeviceArray<double> sum(1);
    kernels::sum_partials(sum.data(), partials.data(), more, nullptr);
    std::vector<double> found = sum.get();
    found[0] += 0.0;
    cases.add(std::to_string(more) + " numbers", test::first_difference(found, {expected}));
  }
}

TEST_CASE("sum_partials of nothing is 0") {
  const DeviceArray<float> partials(1);
  const DeviceArray<double> sum(1);
  kernels::sum_partials(sum.data(), partials.data(), 0, nullptr);
  CHECK(sum.get()[0] == 0.0);
}
