// The oracle checks itself: its gradient against complex steps and central differences.
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <vector>

#include "reference/network.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;

namespace {

struct Problem {
  NetworkSpec network;
  std::vector<double> parameters;
  std::vector<std::vector<double>> batch;
};

Problem make_problem(Activation activation) {
  Problem problem;
  problem.network = {{7, 5, 3, 5, 7}, std::vector<Activation>(4, activation)};
  const auto count = static_cast<std::size_t>(problem.network.parameter_count());
  const auto parameters = test::uniform(count, 1);
  problem.parameters.assign(parameters.begin(), parameters.end());
  for (std::uint64_t i = 0; i < 4; ++i) {
    const auto x = test::uniform(7, 100 + i, 0.0, 1.0);
    problem.batch.emplace_back(x.begin(), x.end());
  }
  return problem;
}

/// Smallest |z| of any unit: finite differences must not step over ReLU's kink.
double distance_from_kink(const Problem& problem) {
  double distance = 1e9;
  for (const auto& x : problem.batch)
    for (const auto& layer : reference::forward(problem.network, problem.parameters, x).z)
      for (const double z : layer) distance = std::min(distance, std::abs(z));
  return distance;
}

}  // namespace

TEST_CASE("the gradient agrees with complex steps and central differences") {
  for (const Activation activation : all_activations) {
    DYNAMIC_SECTION(name(activation)) {
      const Problem problem = make_problem(activation);
      REQUIRE(distance_from_kink(problem) > 1e-4);
      const auto result =
          reference::loss_and_gradient(problem.network, problem.parameters, problem.batch);
      // Twice the same sum of 28 squares.
      const double loss = reference::loss(problem.network, problem.parameters, problem.batch);
      CHECK(std::abs(result.loss - loss) <= 28 * std::numeric_limits<double>::epsilon() * loss);
      double scale = 0;
      for (const double g : result.gradient) scale = std::max(scale, std::abs(g));
      REQUIRE(scale > 0);

      std::vector<std::complex<double>> complex(problem.parameters.begin(),
                                                problem.parameters.end());
      std::vector<std::vector<std::complex<double>>> complex_batch;
      for (const auto& x : problem.batch) complex_batch.emplace_back(x.begin(), x.end());
      double worst_complex = 0;
      double worst_central = 0;
      for (std::size_t p = 0; p < problem.parameters.size(); ++p) {
        constexpr double h = 1e-30;
        complex[p] += std::complex<double>(0, h);
        const double by_complex_step =
            reference::loss(problem.network, complex, complex_batch).imag() / h;
        complex[p] = problem.parameters[p];
        worst_complex =
            std::max(worst_complex, std::abs(by_complex_step - result.gradient[p]) / scale);

        constexpr double step = 1e-6;
        std::vector<double> moved = problem.parameters;
        moved[p] += step;
        const double above = reference::loss(problem.network, moved, problem.batch);
        moved[p] -= 2 * step;
        const double below = reference::loss(problem.network, moved, problem.batch);
        worst_central = std::max(
            worst_central, std::abs((above - below) / (2 * step) - result.gradient[p]) / scale);
      }
      INFO("complex step " << worst_complex << ", central differences " << worst_central);
      CHECK(worst_complex <= 1e-14);
      CHECK(worst_central <= 1e-8);
    }
  }
}

TEST_CASE("a NaN is reported with its layer") {
  Problem problem = make_problem(Activation::relu);
  const auto slots = parameter_layout(problem.network);
  problem.parameters[static_cast<std::size_t>(slots[2].weight)] = std::nan("");
  const auto result =
      reference::loss_and_gradient(problem.network, problem.parameters, problem.batch);
  // The NaN first shows in layer 2's output, and through the loss in every gradient.
  CHECK(result.nonfinite_layer >= 0);
  CHECK(result.nonfinite_layer <= 2);
}

TEST_CASE("an error of NaN is larger than every bound") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [found, expected, magnitude] :
       {std::array{nan, 1.0, 1.0}, std::array{1.0, nan, 1.0}, std::array{1.0, 2.0, nan}})
    CHECK(test::error_in_u(found, expected, magnitude) > 1e300);
}
