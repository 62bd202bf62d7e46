#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/bias_activation.h"
#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "reference/network.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;
using kernels::Bf16;
using test::DeviceArray;
using test::DeviceMatrix;

namespace {

struct ActivationResult {
  std::vector<float> a;
  std::vector<float> slope;
  std::uint32_t magnitude = 0;
  bool touched = false;
};

template <typename Element>
ActivationResult run(const test::Layout& layout, const std::vector<float>& z,
                     const std::vector<float>& bias, Activation activation, bool keep_slope) {
  const DeviceMatrix<float> device_z(layout, z);
  const DeviceMatrix<Element> separate(layout);
  const DeviceMatrix<float> slope(layout);
  const DeviceArray<float> device_bias(bias, layout.offset % 4);
  const DeviceArray<std::uint32_t> magnitude(std::vector<std::uint32_t>{0});
  float* const slope_data = keep_slope ? slope.data() : nullptr;
  ActivationResult result;
  if constexpr (sizeof(Element) == 4) {
    kernels::bias_activation(device_z.data(), slope_data, device_bias.data(), magnitude.data(),
                             activation, layout.rows, layout.columns, layout.stride, nullptr);
    result.a = device_z.get(result.touched);
  } else {
    kernels::bias_activation(separate.data(), device_z.data(), slope_data, device_bias.data(),
                             magnitude.data(), activation, layout.rows, layout.columns,
                             layout.stride, nullptr);
    result.a = separate.get(result.touched);
  }
  if (keep_slope) result.slope = slope.get(result.touched);
  result.magnitude = magnitude.get()[0];
  return result;
}

template <typename Element>
void bias_activation_cases(const char* kernel) {
  test::ExactCases cases(kernel);
  test::for_each_shape([&](std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
    const auto z = test::small_whole_numbers(rows * columns, variant);
    const auto bias = test::small_whole_numbers(columns, variant + 1);
    const Activation activation = variant % 2 == 0 ? Activation::relu : Activation::linear;
    std::vector<float> expected(z.size());
    float largest = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double input = static_cast<double>(z[i]) + bias[i % bias.size()];
      expected[i] = static_cast<float>(reference::activate(activation, input));
      largest = std::max(largest, std::abs(expected[i]));
    }
    const auto layout = test::make_layout(rows, columns, variant / 2);
    const ActivationResult result = run<Element>(layout, z, bias, activation, false);
    std::string difference = test::first_difference(result.a, expected);
    if (result.touched) difference += " padding written";
    if (std::bit_cast<float>(result.magnitude) != largest) difference += " wrong magnitude";
    cases.add(test::shape_text(rows, columns, variant), difference);
  });
}

}  // namespace

TEST_CASE("bias_activation is exact on whole numbers, float") {
  bias_activation_cases<float>("bias_activation float");
}
TEST_CASE("bias_activation is exact on whole numbers, bf16") {
  bias_activation_cases<Bf16>("bias_activation bf16");
}

TEST_CASE("bias_activation agrees with the oracle for every activation") {
  constexpr std::int64_t rows = 9;
  constexpr std::int64_t columns = 131;
  auto z = test::uniform(rows * columns, 3, -12.0, 12.0);
  const std::vector<float> special{0.0F,   -0.0F,   1e-30F, -1e-30F, 1e-40F, 80.0F, -80.0F,
                                   100.0F, -100.0F, 300.0F, -300.0F, 1e-4F,  -1e-4F};
  std::copy(special.begin(), special.end(), z.begin());
  const std::vector<float> bias(columns, 0.0F);
  for (const Activation activation : all_activations) {
    for (const std::uint64_t variant : {0, 1, 2, 3}) {
      const auto layout = test::make_layout(rows, columns, variant);
      const bool keeps = activation == Activation::gelu;
      const ActivationResult result = run<float>(layout, z, bias, activation, keeps);
      const ActivationResult low = run<Bf16>(layout, z, bias, activation, keeps);
      double worst_value = 0;
      double worst_slope = 0;
      bool rounding = true;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const double x = z[i];
        const double value = reference::activate(activation, x);
        const double slope = reference::activation_slope(activation, x);
        worst_value =
            std::max(worst_value,
                     test::error_in_u(result.a[i], value, std::max(std::abs(value), std::abs(x))));
        if (keeps)
          worst_slope = std::max(worst_slope, test::error_in_u(result.slope[i], slope,
                                                               std::max(1.0, std::abs(slope))));
        rounding = rounding && low.a[i] == test::rounded<Bf16>(result.a[i]);
      }
      INFO(name(activation) << " variant " << variant << ": value " << worst_value << " u, slope "
                            << worst_slope << " u");
      CHECK(worst_value <= test::blas_threshold);
      CHECK(worst_slope <= test::blas_threshold);
      CHECK(rounding);  // bf16 is the float result, rounded
      if (keeps) CHECK(low.slope == result.slope);
      CHECK_FALSE(result.touched);
      CHECK_FALSE(low.touched);
    }
  }
}

TEST_CASE("bias_activation lets NaN and Inf through and reports them") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const Activation activation : all_activations)
    for (const std::uint64_t variant : {0, 1, 2}) {
      std::vector<float> z(7 * 9, 0.25F);
      z[40] = test::poison;
      const std::vector<float> bias(9, 0.0F);
      const auto layout = test::make_layout(7, 9, variant);
      INFO(name(activation) << " variant " << variant);
      for (const bool low : {false, true}) {
        const ActivationResult result = low ? run<Bf16>(layout, z, bias, activation, true)
                                            : run<float>(layout, z, bias, activation, true);
        CHECK(std::isnan(result.a[40]));
        CHECK_FALSE(std::isnan(result.a[39]));
        CHECK(result.magnitude > 0x7F800000U);
      }
      if (activation != Activation::relu && activation != Activation::linear) continue;
      z[40] = infinity;
      const ActivationResult result = run<float>(layout, z, bias, activation, false);
      CHECK(result.a[40] == infinity);
      CHECK(result.magnitude == 0x7F800000U);
    }
}

TEST_CASE("bias_activation reports the magnitude of what it stored") {
  // The largest float becomes Inf in bf16.
  const std::vector<float> z(5, std::numeric_limits<float>::max());
  const std::vector<float> bias(5, 0.0F);
  const auto layout = test::make_layout(1, 5, 0);
  CHECK(run<float>(layout, z, bias, Activation::relu, false).magnitude == 0x7F7FFFFFU);
  CHECK(run<Bf16>(layout, z, bias, Activation::relu, false).magnitude == 0x7F800000U);
}

TEST_CASE("bias_activation leaves a larger magnitude of another call alone") {
  const DeviceArray<float> z(std::vector<float>{1.0F, -2.0F});
  const DeviceArray<float> bias(std::vector<float>{0.0F, 0.0F});
  const std::vector<std::uint32_t> before{0x7F000000U};
  const DeviceArray<std::uint32_t> magnitude(before);
  kernels::bias_activation(z.data(), nullptr, bias.data(), magnitude.data(), Activation::linear, 1,
                           2, 2, nullptr);
  CHECK(magnitude.get() == before);
}
