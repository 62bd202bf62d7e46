#include <vector>

#include "cpu/kernels.h"
#include "cpu/layer.h"
#include "reference/network.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;
using cpu::Kernels;

TEST_CASE("Adam agrees with the oracle in both forms") {
  for (const Kernels* kernels : cpu::available_kernels()) {
    for (const AdamForm form : {AdamForm::tensorflow, AdamForm::kingma_ba}) {
      for (const std::int64_t step : {0, 1, 100, 5000}) {
        OptimizerSpec spec;
        spec.form = form;
        spec.schedule = Schedule::constant;
        constexpr std::size_t count = 1003;
        auto w = test::uniform(count, 1);
        auto m = test::uniform(count, 2, -0.1, 0.1);
        auto v = test::uniform(count, 3, 0.0, 0.01);
        const auto g = test::uniform(count, 4, -0.1, 0.1);
        const auto w0 = w;
        const auto m0 = m;
        const auto v0 = v;
        kernels->adam({w.data(), m.data(), v.data(), g.data(), count, adam_step(spec, step)});
        for (std::size_t i = 0; i < count; ++i) {
          const auto expected = reference::adam(spec, step, {w0[i], m0[i], v0[i]}, g[i]);
          REQUIRE(test::error_in_u(m[i], expected.first_moment, std::abs(m0[i]) + std::abs(g[i])) <=
                  test::blas_threshold);
          REQUIRE(test::error_in_u(v[i], expected.second_moment,
                                   v0[i] + static_cast<double>(g[i]) * g[i]) <=
                  test::blas_threshold);
          REQUIRE(test::error_in_u(w[i], expected.parameter, 1.0 + std::abs(w0[i])) <=
                  test::blas_threshold);
        }
      }
    }
  }
}

TEST_CASE("column sums are exact on whole numbers") {
  for (const Kernels* kernels : cpu::available_kernels()) {
    constexpr std::int64_t rows = 151;
    constexpr std::int64_t columns = 45;
    constexpr std::int64_t stride = 64;
    const auto z = test::whole_numbers(rows * stride, 1, 100);
    std::vector<float> sums(stride, test::poison);
    kernels->column_sum({z.data(), stride, rows, columns, sums.data()});
    for (std::int64_t c = 0; c < columns; ++c) {
      float expected = 0;
      for (std::int64_t r = 0; r < rows; ++r)
        expected += z[static_cast<std::size_t>(r * stride + c)];
      CHECK(sums[static_cast<std::size_t>(c)] == expected);
    }
  }
}

TEST_CASE("layers give back the arenas they were given, and transpose for the forward product") {
  const NetworkSpec network{{37, 19, 45, 37}, std::vector<Activation>(3, Activation::relu)};
  const auto slots = parameter_layout(network);
  const auto count = static_cast<std::size_t>(network.parameter_count());
  for (const Kernels* kernels : cpu::available_kernels()) {
    for (const bool sparse : {false, true}) {
      const auto arena = test::uniform(count, 1);
      std::vector<float> back(count, test::poison);
      for (std::size_t l = 0; l < slots.size(); ++l) {
        cpu::Layer layer(slots[l], Activation::relu, l == 0, l == 0 && sparse, Precision::fp32,
                         *kernels);
        layer.read_arena(cpu::Layer::Arena::parameters, arena, *kernels);
        layer.write_arena(cpu::Layer::Arena::parameters, back);
        for (std::int64_t panel = 0; panel < layer.forward_shape.panels(); ++panel) {
          for (std::int64_t k = 0; k < layer.slot.in; ++k) {
            for (std::int64_t c = 0; c < layer.forward_shape.width; ++c) {
              const std::int64_t out = panel * layer.forward_shape.width + c;
              const float found = layer.forward_panel(panel)[k * layer.forward_shape.width + c];
              const float expected =
                  out < layer.slot.out
                      ? arena[static_cast<std::size_t>(layer.slot.weight + out * layer.slot.in + k)]
                      : 0.0F;
              REQUIRE(found == expected);
            }
          }
        }
      }
      CHECK(back == arena);
    }
  }
}
