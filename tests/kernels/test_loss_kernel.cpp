#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "kernels/loss.h"
#include "reference/network.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;
using kernels::Bf16;
using test::DeviceArray;
using test::DeviceMatrix;

namespace {

struct LossResult {
  std::vector<float> dz;
  std::vector<float> bias_partials;
  std::vector<float> loss_partials;
  std::uint32_t output_magnitude = 0;
  std::uint32_t gradient_magnitude = 0;
  bool touched = false;
};

template <typename Element>
LossResult run(const test::Layout& layout, const std::vector<float>& z,
               const std::vector<float>& bias, const std::vector<float>& target, float scale,
               Activation activation) {
  test::Layout z_layout = layout;
  if (sizeof(Element) != sizeof(float)) z_layout.stride += 4;  // not in place: its own stride
  const DeviceMatrix<float> device_z(z_layout, z);
  const DeviceMatrix<Element> device_target(layout, target);
  const DeviceMatrix<Element> separate(layout);
  const DeviceArray<float> device_bias(bias, layout.offset % 4);
  const DeviceArray<float> bias_partials(kernels::loss_row_blocks(layout.rows) * layout.columns,
                                         layout.offset % 4);
  const DeviceArray<float> loss_partials(kernels::loss_partials(layout.rows, layout.columns));
  const DeviceArray<std::uint32_t> magnitudes(std::vector<std::uint32_t>{0, 0});
  kernels::LossArgs args;
  args.z = device_z.data();
  args.bias = device_bias.data();
  args.target = device_target.data();
  args.rows = layout.rows;
  args.columns = layout.columns;
  args.z_stride = z_layout.stride;
  args.stride = layout.stride;
  args.scale = scale;
  args.activation = activation;
  args.bias_partials = bias_partials.data();
  args.loss_partials = loss_partials.data();
  args.output_magnitude = magnitudes.data();
  args.gradient_magnitude = magnitudes.data() + 1;
  LossResult result;
  if constexpr (sizeof(Element) == 4) {
    kernels::loss(device_z.data(), args, nullptr);  // in place
    result.dz = device_z.get(result.touched);
  } else {
    kernels::loss(separate.data(), args, nullptr);
    result.dz = separate.get(result.touched);
  }
  result.bias_partials = bias_partials.get();
  result.loss_partials = loss_partials.get();
  result.output_magnitude = magnitudes.get()[0];
  result.gradient_magnitude = magnitudes.get()[1];
  return result;
}

/// Sums of a matrix's numbers over blocks of rows and groups of `group` columns.
std::vector<double> block_sums(const std::vector<double>& values, std::int64_t rows,
                               std::int64_t columns, std::int64_t group) {
  const std::int64_t per_block = ((rows + 127) / 128 + 7) / 8 * 8;
  const std::int64_t groups = (columns + group - 1) / group;
  std::vector<double> sums(static_cast<std::size_t>((rows + per_block - 1) / per_block * groups));
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < columns; ++column)
      sums[static_cast<std::size_t>(row / per_block * groups + column / group)] +=
          values[static_cast<std::size_t>(row * columns + column)];
  return sums;
}

std::vector<double> to_double(std::vector<float> values) {
  for (float& value : values) value += 0.0F;  // the sign of a zero sum is no matter
  return {values.begin(), values.end()};
}

template <typename Element>
void loss_cases(const char* kernel) {
  test::ExactCases cases(kernel);
  test::for_each_shape([&](std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
    const auto z = test::small_whole_numbers(rows * columns, variant);
    const auto bias = test::small_whole_numbers(columns, variant + 1);
    const auto target = test::small_whole_numbers(rows * columns, variant + 2);
    const Activation activation = variant % 2 == 0 ? Activation::linear : Activation::relu;
    std::vector<float> expected(z.size());
    std::vector<double> gradients(z.size());
    std::vector<double> squares(z.size());
    float largest_output = 0;
    float largest_gradient = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double input = static_cast<double>(z[i]) + bias[i % bias.size()];
      const double output = reference::activate(activation, input);
      const double difference = output - target[i];
      const bool dark = activation == Activation::relu && output <= 0;
      gradients[i] = dark ? 0.0 : 0.5 * difference;
      expected[i] = static_cast<float>(gradients[i]);
      squares[i] = difference * difference;
      largest_output = std::max(largest_output, static_cast<float>(std::abs(output)));
      largest_gradient = std::max(largest_gradient, std::abs(expected[i]));
    }
    const auto layout = test::make_layout(rows, columns, variant / 2);
    const LossResult result = run<Element>(layout, z, bias, target, 0.5F, activation);
    std::string difference = test::first_difference(result.dz, expected);
    difference += test::first_difference(to_double(result.bias_partials),
                                         block_sums(gradients, rows, columns, 1));
    difference += test::first_difference(to_double(result.loss_partials),
                                         block_sums(squares, rows, columns, 128));
    if (result.touched) difference += " padding written";
    if (std::bit_cast<float>(result.output_magnitude) != largest_output)
      difference += " wrong output magnitude";
    if (std::bit_cast<float>(result.gradient_magnitude) != largest_gradient)
      difference += " wrong gradient magnitude";
    cases.add(test::shape_text(rows, columns, variant), difference);
  });
}

}  // namespace

TEST_CASE("loss is exact on whole numbers, float") { loss_cases<float>("loss float"); }
TEST_CASE("loss is exact on whole numbers, bf16") { loss_cases<Bf16>("loss bf16"); }

TEST_CASE("loss agrees with the oracle for every activation") {
  constexpr std::int64_t rows = 150;
  constexpr std::int64_t columns = 133;
  const auto z = test::uniform(rows * columns, 8, -2.0, 2.0);
  const auto target = test::uniform(rows * columns, 9, 0.0, 1.0);
  const auto bias = test::uniform(columns, 10, -0.5, 0.5);
  for (const Activation activation : all_activations)
    for (const std::uint64_t variant : {0, 1, 2}) {
      const LossResult result =
          run<float>(test::make_layout(rows, columns, variant), z, bias, target, 0.25F, activation);
      std::vector<double> squares(z.size());
      double worst = 0;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const double input = static_cast<double>(z[i]) + bias[i % bias.size()];
        const double output = reference::activate(activation, input);
        const double difference = output - target[i];
        const double slope = reference::activation_slope(activation, input);
        squares[i] = difference * difference;
        // What goes in: the output and the target, each with an error of its own.
        const double magnitude = 0.25 * (std::abs(input) + std::abs(output) + target[i]) *
                                 std::max(1.0, std::abs(slope));
        worst =
            std::max(worst, test::error_in_u(result.dz[i], 0.25 * difference * slope, magnitude));
      }
      INFO(name(activation) << " variant " << variant << " " << worst << " u");
      CHECK(worst <= test::blas_threshold);
      const auto sums = block_sums(squares, rows, columns, 128);
      REQUIRE(sums.size() == result.loss_partials.size());
      for (std::size_t i = 0; i < sums.size(); ++i)
        CHECK(test::error_in_u(result.loss_partials[i], sums[i], sums[i]) <= test::blas_threshold);
      CHECK_FALSE(result.touched);
    }
}

TEST_CASE("loss in bf16 is at most twice as wrong as rounding alone") {
  constexpr std::int64_t rows = 33;
  constexpr std::int64_t columns = 65;
  const auto z = test::uniform(rows * columns, 8, -2.0, 2.0);
  const auto target = test::uniform(rows * columns, 9, 0.0, 1.0);
  const auto bias = test::uniform(columns, 10, -0.5, 0.5);
  for (const Activation activation : all_activations) {
    const LossResult result =
        run<Bf16>(test::make_layout(rows, columns, 1), z, bias, target, 0.25F, activation);
    double error = 0;
    double plain_error = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double input = static_cast<double>(z[i]) + bias[i % bias.size()];
      const double rounded_target = test::rounded<Bf16>(target[i]);
      const double exact = 0.25 * (reference::activate(activation, input) - rounded_target) *
                           reference::activation_slope(activation, input);
      error = std::max(error, std::abs(result.dz[i] - exact));
      plain_error =
          std::max(plain_error, std::abs(test::rounded<Bf16>(static_cast<float>(exact)) - exact));
    }
    INFO(name(activation));
    CHECK(error <= 2 * plain_error);
  }
}

TEST_CASE("loss reports NaN and Inf of outputs, targets and gradients") {
  const std::vector<float> bias(9, 0.0F);
  const std::vector<float> target(7 * 9, 0.5F);
  for (const Activation activation : all_activations) {
    std::vector<float> z(7 * 9, 0.25F);
    z[40] = test::poison;
    const LossResult result =
        run<float>(test::make_layout(7, 9, 1), z, bias, target, 1.0F, activation);
    INFO(name(activation));
    CHECK(result.output_magnitude > 0x7F800000U);
    CHECK(std::isnan(result.loss_partials[0]));
    CHECK(std::isfinite(result.dz[39]));
  }
  std::vector<float> bad_target = target;
  bad_target[3] = std::numeric_limits<float>::infinity();
  const LossResult result = run<float>(test::make_layout(7, 9, 2), std::vector<float>(7 * 9, 0.25F),
                                       bias, bad_target, 1.0F, Activation::linear);
  CHECK(std::bit_cast<float>(result.output_magnitude) == 0.25F);
  CHECK(result.gradient_magnitude == 0x7F800000U);
}
