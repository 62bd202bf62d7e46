#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "reference/network.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;
using cpu::Kernels;

namespace {

std::vector<float> inputs() {
  std::vector<float> z = test::uniform(4000, 3, -12.0, 12.0);
  for (const float special : {0.0F, -0.0F, 1e-30F, -1e-30F, 1e-40F, 80.0F, -80.0F, 100.0F, -100.0F,
                              300.0F, -300.0F, 1e-4F, -1e-4F, 0.5F, -0.5F})
    z.push_back(special);
  return z;
}

std::size_t index_of(Activation activation) { return static_cast<std::size_t>(activation); }

}  // namespace

TEST_CASE("activation kernels agree with the oracle") {
  const std::vector<float> z = inputs();
  const auto count = static_cast<std::int64_t>(z.size());
  for (const Kernels* kernels : cpu::available_kernels()) {
    for (const Activation activation : all_activations) {
      DYNAMIC_SECTION(kernels->name << " " << name(activation)) {
        // One row of `count` columns with a tail; room for a whole vector behind it.
        std::vector<float> a = z;
        a.resize(z.size() + 16, test::poison);
        std::vector<float> slope(a.size(), test::poison);
        std::vector<float> bias(a.size(), 0.0F);
        std::uint32_t magnitude = 0;
        cpu::ActivateArgs args{a.data(), 0, 1, count, bias.data(), slope.data(), &magnitude};
        kernels->activate[index_of(activation)](args);

        // dz for da = 1 is the slope.
        std::vector<float> dz(a.size(), 1.0F);
        std::uint32_t gradient_magnitude = 0;
        const bool keeps = kernels->keeps_slope[index_of(activation)];
        kernels->backward[index_of(activation)](
            {dz.data(), 0, 1, count, keeps ? slope.data() : a.data(), 0, &gradient_magnitude});

        double worst_value = 0;
        double worst_slope = 0;
        for (std::size_t i = 0; i < z.size(); ++i) {
          const double x = z[i];
          const double value = reference::activate(activation, x);
          const double expected_slope = reference::activation_slope(activation, x);
          // Magnitudes: what goes into the value. A slope is at most a few units of 1 + |z|.
          worst_value = std::max(
              worst_value, test::error_in_u(a[i], value, std::max(std::abs(value), std::abs(x))));
          worst_slope = std::max(
              worst_slope,
              test::error_in_u(dz[i], expected_slope, std::max(1.0, std::abs(expected_slope))));
        }
        INFO("value " << worst_value << " u, slope " << worst_slope << " u");
        CHECK(worst_value <= test::blas_threshold);
        CHECK(worst_slope <= test::blas_threshold);
        // The tail of the last vector is padding and becomes zero.
        for (std::int64_t c = count; c % kernels->lanes != 0; ++c)
          CHECK(a[static_cast<std::size_t>(c)] == 0.0F);
      }
    }
  }
}

TEST_CASE("NaN goes through every activation and is seen") {
  for (const Kernels* kernels : cpu::available_kernels()) {
    for (const Activation activation : all_activations) {
      std::vector<float> a(32, 0.25F);
      a[3] = test::poison;
      std::vector<float> slope(32);
      const std::vector<float> bias(32, 0.0F);
      std::uint32_t magnitude = 0;
      kernels->activate[index_of(activation)](
          {a.data(), 0, 1, 32, bias.data(), slope.data(), &magnitude});
      INFO(kernels->name << " " << name(activation));
      CHECK(std::isnan(a[3]));
      CHECK(magnitude > 0x7F800000U);
    }
  }
}

TEST_CASE("the loss kernel agrees with the oracle") {
  constexpr std::int64_t rows = 5;
  constexpr std::int64_t columns = 13;
  constexpr std::int64_t stride = 48;
  for (const Kernels* kernels : cpu::available_kernels()) {
    for (const Activation activation : all_activations) {
      auto z = test::uniform(rows * stride, 8, -2.0, 2.0);
      const auto target = test::uniform(rows * stride, 9, 0.0, 1.0);
      const auto bias = test::uniform(stride, 10, -0.5, 0.5);
      const auto before = z;
      std::vector<float> padded_target = target;
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t c = columns; c < stride; ++c)
          padded_target[static_cast<std::size_t>(r * stride + c)] = 0.0F;
      std::vector<float> row_loss(static_cast<std::size_t>(rows * kernels->lanes), 0.0F);
      std::uint32_t output_magnitude = 0;
      std::uint32_t gradient_magnitude = 0;
      kernels->loss[index_of(activation)]({z.data(), stride, rows, columns, bias.data(),
                                           padded_target.data(), stride, 0.25F, row_loss.data(),
                                           &output_magnitude, &gradient_magnitude});
      INFO(kernels->name << " " << name(activation));
      for (std::int64_t r = 0; r < rows; ++r) {
        double sum = 0;
        for (std::int64_t c = 0; c < columns; ++c) {
          const auto i = static_cast<std::size_t>(r * stride + c);
          const double input = static_cast<double>(before[i]) + bias[static_cast<std::size_t>(c)];
          const double difference = reference::activate(activation, input) - target[i];
          const double gradient =
              0.25 * difference * reference::activation_slope(activation, input);
          sum += difference * difference;
          // The sum z + bias is rounded, which moves the result by up to its magnitude in u.
          CHECK(test::error_in_u(z[i], gradient, 1.0 + std::abs(input)) <= test::blas_threshold);
        }
        double found = 0;
        for (int lane = 0; lane < kernels->lanes; ++lane)
          found += row_loss[static_cast<std::size_t>(r * kernels->lanes + lane)];
        CHECK(test::error_in_u(found, sum, sum + columns) <= test::blas_threshold);
      }
    }
  }
}
