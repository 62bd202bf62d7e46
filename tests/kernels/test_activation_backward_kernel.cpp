#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/activation_backward.h"
#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;
using kernels::Bf16;
using test::DeviceArray;
using test::DeviceMatrix;

namespace {

struct BackwardResult {
  std::vector<float> dz;
  std::vector<float> partials;
  std::uint32_t magnitude = 0;
  bool touched = false;
};

template <typename Element>
BackwardResult run(const test::Layout& layout, const std::vector<float>& da,
                   const std::vector<float>& kept, Activation activation) {
  const std::int64_t blocks = kernels::backward_row_blocks(layout.rows);
  test::Layout da_layout = layout;
  if (sizeof(Element) != sizeof(float)) da_layout.stride += 4;  // not in place: its own stride
  const DeviceMatrix<float> device_da(da_layout, da);
  const DeviceMatrix<Element> outputs(layout, kept);
  const DeviceMatrix<float> slopes(layout, kept);
  const DeviceMatrix<Element> separate(layout);
  const DeviceArray<float> partials(blocks * layout.columns, layout.offset % 4);
  const DeviceArray<std::uint32_t> magnitude(std::vector<std::uint32_t>{0});
  kernels::BackwardArgs args;
  args.da = device_da.data();
  args.kept = activation == Activation::gelu ? static_cast<const void*>(slopes.data())
                                             : static_cast<const void*>(outputs.data());
  args.rows = layout.rows;
  args.columns = layout.columns;
  args.da_stride = da_layout.stride;
  args.stride = layout.stride;
  args.activation = activation;
  args.bias_partials = partials.data();
  args.magnitude = magnitude.data();
  BackwardResult result;
  if constexpr (sizeof(Element) == 4) {
    kernels::activation_backward(device_da.data(), args, nullptr);  // in place
    result.dz = device_da.get(result.touched);
  } else {
    kernels::activation_backward(separate.data(), args, nullptr);
    result.dz = separate.get(result.touched);
  }
  result.partials = partials.get();
  result.magnitude = magnitude.get()[0];
  return result;
}

/// Sums of dz's columns over equal blocks of whole eights of rows.
std::vector<float> block_sums(const std::vector<float>& dz, std::int64_t rows,
                              std::int64_t columns) {
  const std::int64_t per_block = ((rows + 127) / 128 + 7) / 8 * 8;
  std::vector<float> sums;
  for (std::int64_t first = 0; first < rows; first += per_block)
    for (std::int64_t column = 0; column < columns; ++column) {
      double sum = 0;
      for (std::int64_t row = first; row < std::min(first + per_block, rows); ++row)
        sum += dz[static_cast<std::size_t>(row * columns + column)];
      sums.push_back(static_cast<float>(sum));
    }
  return sums;
}

template <typename Element>
void activation_backward_cases(const char* kernel) {
  test::ExactCases cases(kernel);
  constexpr std::array activations{Activation::relu, Activation::linear, Activation::sigmoid,
                                   Activation::tanh, Activation::gelu};
  test::for_each_shape([&](std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
    const auto da = test::small_whole_numbers(rows * columns, variant);
    const auto kept = test::small_whole_numbers(rows * columns, variant + 1);
    const Activation activation = activations[variant % 5];
    std::vector<float> expected(da.size());
    float largest = 0;
    for (std::size_t i = 0; i < da.size(); ++i) {
      const float a = kept[i];
      const float slope = activation == Activation::relu      ? (a > 0 ? 1.0F : 0.0F)
                          : activation == Activation::linear  ? 1.0F
                          : activation == Activation::sigmoid ? a * (1 - a)
                          : activation == Activation::tanh    ? 1 - a * a
                                                              : a;
      // relu gives +0 where the unit is dark, whatever the sign of da.
      expected[i] = activation == Activation::relu && slope == 0.0F ? 0.0F : da[i] * slope;
      largest = std::max(largest, std::abs(expected[i]));
    }
    const auto layout = test::make_layout(rows, columns, variant / 2);
    const BackwardResult result = run<Element>(layout, da, kept, activation);
    std::string difference = test::first_difference(result.dz, expected);
    auto sums = block_sums(expected, rows, columns);
    auto partials = result.partials;
    for (auto* values : {&sums, &partials})
      for (float& value : *values) value += 0.0F;  // the sign of a zero is no matter
    difference += test::first_difference(partials, sums);
    if (result.touched) difference += " padding written";
    if (std::bit_cast<float>(result.magnitude) != largest) difference += " wrong magnitude";
    cases.add(test::shape_text(rows, columns, variant), difference);
  });
}

}  // namespace

TEST_CASE("activation_backward is exact on whole numbers, float") {
  activation_backward_cases<float>("activation_backward float");
}
TEST_CASE("activation_backward is exact on whole numbers, bf16") {
  activation_backward_cases<Bf16>("activation_backward bf16");
}

TEST_CASE("activation_backward agrees with double, and its sums add what it stored") {
  constexpr std::int64_t rows = 1300;  // sixteen rows a block
  constexpr std::int64_t columns = 21;
  const auto da = test::uniform(rows * columns, 5);
  const auto kept = test::uniform(rows * columns, 6, 0.0, 1.0);
  for (const Activation activation : all_activations) {
    const auto layout = test::make_layout(rows, columns, 1);
    for (const bool low : {false, true}) {
      const BackwardResult result =
          low ? run<Bf16>(layout, da, kept, activation) : run<float>(layout, da, kept, activation);
      double worst = 0;
      for (std::size_t i = 0; i < da.size(); ++i) {
        const bool rounded_input = low && activation != Activation::gelu;
        const double a = rounded_input ? test::rounded<Bf16>(kept[i]) : kept[i];
        const double slope = activation == Activation::relu      ? (a > 0 ? 1.0 : 0.0)
                             : activation == Activation::linear  ? 1.0
                             : activation == Activation::sigmoid ? a * (1 - a)
                             : activation == Activation::tanh    ? 1 - a * a
                                                                 : a;
        const double expected = da[i] * slope;
        if (low) {
          // Half a unit of bf16's last place: 2^-8 of the value, and the float's own error.
          CHECK(std::abs(result.dz[i] - expected) <= 0x1.01p-8 * std::abs(expected));
        } else {
          worst = std::max(worst, test::error_in_u(result.dz[i], expected, std::abs(expected)));
        }
      }
      INFO(name(activation) << (low ? " bf16" : " float") << " " << worst << " u");
      CHECK(worst <= test::blas_threshold);
      const auto sums = block_sums(result.dz, rows, columns);
      std::vector<float> magnitudes = result.dz;
      for (float& value : magnitudes) value = std::abs(value);
      const auto scales = block_sums(magnitudes, rows, columns);
      double worst_sum = 0;
      for (std::size_t i = 0; i < sums.size(); ++i)
        worst_sum = std::max(worst_sum, test::error_in_u(result.partials[i], sums[i], scales[i]));
      CHECK(result.partials.size() == sums.size());
      CHECK(worst_sum <= test::blas_threshold);
    }
  }
}

TEST_CASE("activation_backward reports NaN and Inf") {
  for (const float bad : {test::poison, std::numeric_limits<float>::infinity()}) {
    std::vector<float> da(6 * 5, 1.0F);
    da[17] = bad;
    const std::vector<float> kept(da.size(), 0.5F);
    for (const Activation activation : all_activations) {
      const BackwardResult result = run<float>(test::make_layout(6, 5, 1), da, kept, activation);
      CHECK_FALSE(std::isfinite(result.dz[17]));
      CHECK(std::isfinite(result.dz[16]));
      CHECK_FALSE(std::isfinite(result.partials[17 % 5]));
      CHECK(result.magnitude >= 0x7F800000U);
    }
  }
}
