#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/kernels.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/sizes.h"
#include "support/skip.h"
#include "support/tolerance.h"

using namespace hourglass;
using cpu::Kernels;

namespace {

/// One product with everything around it poisoned: operands where the kernel must not look, and the
/// result where it must not write.
struct ProductCase {
  std::int64_t rows, depth, columns;
  bool k_contiguous;
  std::vector<float> a, panel, c, start;
  std::int64_t a_stride, c_stride;

  ProductCase(const Kernels& kernels, std::int64_t rows_, std::int64_t depth_,
              std::int64_t columns_, bool k_contiguous_, bool whole)
      : rows(rows_), depth(depth_), columns(columns_), k_contiguous(k_contiguous_) {
    const std::int64_t outer = k_contiguous ? rows : depth;
    const std::int64_t inner = k_contiguous ? depth : rows;
    a_stride = inner + 3;
    c_stride = kernels.panel_width + 5;
    const auto numbers = [&](std::int64_t count, std::uint64_t seed) {
      return whole ? test::whole_numbers(static_cast<std::size_t>(count), seed, 8)
                   : test::uniform(static_cast<std::size_t>(count), seed);
    };
    a.assign(static_cast<std::size_t>(outer * a_stride), test::poison);
    const auto source = numbers(outer * inner, 1);
    for (std::int64_t i = 0; i < outer; ++i)
      std::copy_n(source.begin() + i * inner, inner, a.begin() + i * a_stride);
    panel.assign(static_cast<std::size_t>(depth * kernels.panel_width), 0.0F);
    const auto b = numbers(depth * columns, 2);
    for (std::int64_t k = 0; k < depth; ++k)
      std::copy_n(b.begin() + k * columns, columns, panel.begin() + k * kernels.panel_width);
    c.assign(static_cast<std::size_t>(rows * c_stride), test::poison);
    start = numbers(rows * columns, 3);
  }

  [[nodiscard]] double a_at(std::int64_t row, std::int64_t k) const {
    return a[static_cast<std::size_t>(k_contiguous ? row * a_stride + k : k * a_stride + row)];
  }
  void run(const Kernels& kernels, bool accumulate) {
    if (accumulate) {
      for (std::int64_t r = 0; r < rows; ++r) {
        std::fill_n(c.begin() + r * c_stride, kernels.panel_width, 0.0F);
        std::copy_n(start.begin() + r * columns, columns, c.begin() + r * c_stride);
      }
    }
    cpu::ProductArgs args;
    args.a = a.data();
    args.a_stride = a_stride;
    args.k_contiguous = k_contiguous;
    args.rows = rows;
    args.depth = depth;
    args.columns = columns;
    args.panel = panel.data();
    args.c = c.data();
    args.c_stride = c_stride;
    args.accumulate = accumulate;
    kernels.product(args);
  }
  /// Largest error in units of u |A||B|, or a huge number where something is off.
  [[nodiscard]] double worst_error(const Kernels& kernels, bool accumulate) const {
    double worst = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t j = 0; j < columns; ++j) {
        double sum = accumulate ? start[static_cast<std::size_t>(r * columns + j)] : 0.0;
        double magnitude = std::abs(sum);
        for (std::int64_t k = 0; k < depth; ++k) {
          const double term =
              a_at(r, k) * panel[static_cast<std::size_t>(k * kernels.panel_width + j)];
          sum += term;
          magnitude += std::abs(term);
        }
        const double found = c[static_cast<std::size_t>(r * c_stride + j)];
        if (!(std::abs(found) < 1e30)) return 1e30;
        worst = std::max(worst, test::error_in_u(found, sum, magnitude));
      }
      // Beyond the panel nothing may be written.
      for (std::int64_t j = kernels.panel_width; j < c_stride; ++j)
        if (!std::isnan(c[static_cast<std::size_t>(r * c_stride + j)])) return 1e31;
    }
    return worst;
  }
};

}  // namespace

TEST_CASE("products of whole numbers are exact at every awkward size") {
  const auto sizes = test::awkward_sizes_to_pair();
  std::int64_t cases = 0;
  for (const Kernels* kernels : cpu::available_kernels()) {
    for (const std::int64_t rows : sizes) {
      for (const std::int64_t depth : sizes) {
        if (rows * depth > 300'000) continue;
        for (const std::int64_t columns :
             {std::int64_t{1}, std::int64_t{kernels->lanes}, std::int64_t{kernels->panel_width - 1},
              std::int64_t{kernels->panel_width}}) {
          const bool k_contiguous = (rows + depth) % 2 == 0;
          ProductCase product(*kernels, rows, depth, columns, k_contiguous, true);
          product.run(*kernels, false);
          INFO(kernels->name << " rows " << rows << " depth " << depth << " columns " << columns);
          REQUIRE(product.worst_error(*kernels, false) == 0.0);
          ++cases;
        }
      }
    }
  }
  CHECK(cases > static_cast<std::int64_t>(sizes.size() * sizes.size()));
}

TEST_CASE("products of real numbers stay within 16 u of |A||B|") {
  double worst = 0;
  for (const Kernels* kernels : cpu::available_kernels()) {
    for (const std::int64_t rows : {1, 5, 6, 7, 13, 14, 15, 29, 75}) {
      for (const std::int64_t depth : {1, 30, 150, 784, 4096}) {
        for (const bool k_contiguous : {true, false}) {
          for (const bool accumulate : {true, false}) {
            ProductCase product(*kernels, rows, depth, kernels->panel_width, k_contiguous, false);
            product.run(*kernels, accumulate);
            worst = std::max(worst, product.worst_error(*kernels, accumulate));
          }
        }
      }
    }
  }
  INFO("largest error: " << worst << " u");
  CHECK(worst <= test::blas_threshold);
  CHECK(worst > 0);
}

TEST_CASE("every instruction set with fused multiply-adds gives the same bits") {
  const auto tables = cpu::available_kernels();
  std::vector<std::vector<float>> results;
  for (const Kernels* kernels : tables) {
    if (kernels->name == "portable") continue;  // rounds products: no fused operation
    std::vector<float> columns(40 * 4);
    // Panels differ in width, so compare four columns of a narrow product.
    ProductCase product(*kernels, 40, 333, 4, true, false);
    product.run(*kernels, false);
    for (std::int64_t r = 0; r < 40; ++r)
      std::copy_n(product.c.begin() + r * product.c_stride, 4, columns.begin() + r * 4);
    results.push_back(columns);
  }
  if (results.size() < 2) return test::skip("only one instruction set with fused multiply-adds");
  for (const auto& result : results)
    CHECK(std::memcmp(result.data(), results[0].data(), result.size() * sizeof(float)) == 0);
}

TEST_CASE("a sparse row has the bits of the dense product") {
  for (const Kernels* kernels : cpu::available_kernels()) {
    constexpr std::int64_t depth = 784;
    auto x = test::uniform(depth, 5, 0.0, 1.0);
    for (std::size_t i = 0; i < x.size(); ++i)
      if (i % 5 != 0) x[i] = 0.0F;
    std::vector<cpu::Lit> lit;
    for (std::uint32_t i = 0; i < depth; ++i)
      if (x[i] != 0.0F) lit.push_back({i, x[i]});
    for (std::int64_t columns = 1; columns <= kernels->wide_panel_width; columns += 7) {
      const std::int64_t width = kernels->wide_panel_width;
      const auto weights = test::uniform(static_cast<std::size_t>(depth * width), 6);
      std::vector<float> sparse(static_cast<std::size_t>(width), test::poison);
      kernels->sparse_row({lit, weights.data(), width, columns, sparse.data(), false});
      for (std::int64_t first = 0; first < columns; first += kernels->panel_width) {
        const std::int64_t part = std::min<std::int64_t>(kernels->panel_width, columns - first);
        std::vector<float> panel(static_cast<std::size_t>(depth * kernels->panel_width));
        for (std::int64_t k = 0; k < depth; ++k)
          std::copy_n(weights.begin() + k * width + first, part,
                      panel.begin() + k * kernels->panel_width);
        std::vector<float> dense(static_cast<std::size_t>(kernels->panel_width));
        cpu::ProductArgs args;
        args.a = x.data();
        args.a_stride = depth;
        args.rows = 1;
        args.depth = depth;
        args.columns = part;
        args.panel = panel.data();
        args.c = dense.data();
        args.c_stride = kernels->panel_width;
        kernels->product(args);
        REQUIRE(std::memcmp(dense.data(), sparse.data() + first,
                            static_cast<std::size_t>(part) * sizeof(float)) == 0);
      }
    }
  }
}
