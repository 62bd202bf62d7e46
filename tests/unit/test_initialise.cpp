#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "hourglass/error.h"
#include "hourglass/initialise.h"
#include "hourglass/random.h"
#include "initialise/covariance.h"
#include "reference/network.h"
#include "support/catch.h"
#include "support/engine_checks.h"
#include "support/engine_problem.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;

namespace {

/// Images with a few strong directions and some noise.
Images images_with_structure(std::int64_t count, std::int64_t rows, std::int64_t cols) {
  auto bytes = std::make_shared<std::vector<std::byte>>();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto n = philox(1, Purpose::strokes, static_cast<std::uint64_t>(i));
    for (std::int64_t p = 0; p < rows * cols; ++p) {
      const double wave =
          60 + 40 * std::sin(0.3 * static_cast<double>(p)) * static_cast<double>(n[0] % 100) / 50 +
          30 * std::cos(0.7 * static_cast<double>(p)) * static_cast<double>(n[1] % 100) / 50;
      const auto noise =
          philox(2, Purpose::strokes, static_cast<std::uint64_t>(i * 1000 + p))[0] % 8;
      bytes->push_back(
          static_cast<std::byte>(std::clamp(wave + static_cast<double>(noise), 0.0, 255.0)));
    }
  }
  return {bytes, bytes->data(), PixelType::u8, count, rows, cols};
}

/// A network with its parameters, for the oracle.
test::EngineProblem problem_of(const NetworkSpec& network, const std::vector<float>& parameters) {
  test::EngineProblem problem(network.widths, Activation::linear, 1, PixelType::u8);
  problem.plan.network = network;
  problem.state.parameters = parameters;
  return problem;
}

/// Largest difference between what two networks make of an image, in double, in u of the larger of
/// their sums over absolute values: nothing but the parameters is rounded.
double largest_difference(const test::EngineProblem& a, const test::EngineProblem& b,
                          const Images& images) {
  const auto outputs = [](const test::EngineProblem& problem, const std::vector<double>& x) {
    const auto& parameters = problem.state.parameters;
    return reference::forward(problem.plan.network,
                              std::vector<double>(parameters.begin(), parameters.end()), x)
        .a.back();
  };
  test::WorstError worst;
  std::vector<float> pixels(static_cast<std::size_t>(images.width()));
  for (std::int64_t i = 0; i < images.count; ++i) {
    images.read(i, pixels.data());
    const std::vector<double> x(pixels.begin(), pixels.end());
    const auto found = outputs(a, x);
    const auto expected = outputs(b, x);
    const auto found_bounds = a.activation_bounds(a.state, x).back();
    const auto expected_bounds = b.activation_bounds(b.state, x).back();
    for (std::size_t p = 0; p < x.size(); ++p)
      worst.add(found[p], expected[p], std::max(found_bounds[p], expected_bounds[p]));
  }
  return worst.value();
}

}  // namespace

TEST_CASE("variance scaling has the right spread, cut at two deviations, and depends on the seed") {
  const NetworkSpec network{{400, 100, 400}, {Activation::relu, Activation::relu}};
  const auto parameters = variance_scaling(network, 3);
  const auto slots = parameter_layout(network);
  for (const LayerSlot& slot : slots) {
    double sum = 0;
    double squares = 0;
    double largest = 0;
    const auto count = static_cast<double>(slot.in * slot.out);
    for (std::int64_t i = slot.weight; i < slot.bias; ++i) {
      const double w = parameters[static_cast<std::size_t>(i)];
      sum += w;
      squares += w * w;
      largest = std::max(largest, std::abs(w));
    }
    const double deviation = std::sqrt(1.0 / static_cast<double>(slot.in));
    // Five standard errors of mean and variance of 40,000 numbers.
    CHECK(std::abs(sum / count) < 5 * deviation / std::sqrt(count));
    CHECK(std::abs(squares / count / (deviation * deviation) - 1) < 5 * std::sqrt(2.0 / count));
    CHECK(largest < 2 * deviation / 0.87962566103423978);
    for (std::int64_t i = slot.bias; i < slot.bias + slot.out; ++i)
      CHECK(parameters[static_cast<std::size_t>(i)] == 0.0F);
  }
  CHECK(variance_scaling(network, 3) == parameters);
  CHECK(variance_scaling(network, 4) != parameters);
}

TEST_CASE("moments agree with plain sums, exactly for any number of threads") {
  const Images images = images_with_structure(600, 5, 7);
  const Moments moments = image_moments(images, 1);
  CHECK(image_moments(images, 3).covariance == moments.covariance);
  std::vector<float> x(35);
  std::vector<double> mean(35, 0.0);
  std::vector<double> product(35 * 35, 0.0);
  // The pixels that `read` gives are rounded to single precision, the moments' are not.
  const auto agree = [](double found, double expected, double magnitude) {
    return test::error_in_u(found, expected, magnitude) <= test::blas_threshold;
  };
  for (std::int64_t i = 0; i < images.count; ++i) {
    images.read(i, x.data());
    for (std::size_t a = 0; a < 35; ++a) {
      mean[a] += static_cast<double>(x[a]) / 600;
      for (std::size_t b = 0; b < 35; ++b)
        product[a * 35 + b] += static_cast<double>(x[a]) * static_cast<double>(x[b]) / 600;
    }
  }
  for (std::size_t a = 0; a < 35; ++a) {
    CHECK(agree(moments.mean[a], mean[a], mean[a]));
    for (std::size_t b = 0; b < 35; ++b) {
      const double sum = product[a * 35 + b];
      const double means = mean[a] * mean[b];
      CHECK(agree(moments.covariance[a * 35 + b], sum - means, sum + means));
    }
  }
}

TEST_CASE("components are orthonormal, sorted, and of fixed sign") {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const Images images = images_with_structure(500, 6, 6);
  const PrincipalComponents components = principal_components(images, 8, 2);
  for (std::size_t i = 0; i < 8; ++i) {
    if (i > 0) CHECK(components.variances[i] <= components.variances[i - 1]);
    double largest = 0;
    for (std::size_t j = 0; j < 8; ++j) {
      double dot = 0;
      for (std::size_t p = 0; p < 36; ++p)
        dot += components.directions[i * 36 + p] * components.directions[j * 36 + p];
      CHECK(std::abs(dot - (i == j ? 1.0 : 0.0)) <= 36 * epsilon);
    }
    for (std::size_t p = 0; p < 36; ++p) {
      const double entry = components.directions[i * 36 + p];
      if (std::abs(entry) > std::abs(largest)) largest = entry;
    }
    CHECK(largest > 0);
  }
}

TEST_CASE("with fewer images than pixels the components are still those of the covariance") {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const Images images = images_with_structure(20, 6, 6);
  const Moments moments = image_moments(images, 1);
  constexpr std::size_t count = 30;  // 11 more than 20 images can have
  const PrincipalComponents components = principal_components(images, count, 1);
  CHECK(principal_components(images, count, 3).directions == components.directions);
  const auto entry = [&](std::size_t i, std::size_t p) {
    return components.directions[i * 36 + p];
  };
  for (std::size_t p = 0; p < 36; ++p)  // sums of 20 numbers
    CHECK(std::abs(components.mean[p] - moments.mean[p]) <= 36 * epsilon * moments.mean[p]);
  double total = 0;
  for (std::size_t p = 0; p < 36; ++p) total += moments.covariance[p * 36 + p];
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    // Backward error of an eigenpair: |C v - lambda v| <= n epsilon |C|, and X^T u loses
    // sqrt(largest / lambda) of it. The norm is bounded by the trace.
    const double lambda = components.variances[i];
    sum += lambda;
    if (i > 0) CHECK(lambda <= components.variances[i - 1]);
    double residual = 0;
    for (std::size_t p = 0; p < 36; ++p) {
      double product = 0;
      for (std::size_t q = 0; q < 36; ++q) product += moments.covariance[p * 36 + q] * entry(i, q);
      residual += (product - lambda * entry(i, p)) * (product - lambda * entry(i, p));
    }
    const double loss = std::sqrt(total / std::max(lambda, epsilon * total));
    INFO("component " << i);
    CHECK(std::sqrt(residual) <= 36 * epsilon * total * loss);
    for (std::size_t j = 0; j < count; ++j) {
      double dot = 0;
      for (std::size_t p = 0; p < 36; ++p) dot += entry(i, p) * entry(j, p);
      CHECK(std::abs(dot - (i == j ? 1.0 : 0.0)) <= 36 * epsilon);
    }
  }
  CHECK(std::abs(sum - total) <= 36 * epsilon * total);
}

TEST_CASE("a principal network is PCA at step 0") {
  const Images images = images_with_structure(500, 6, 6);
  for (const Activation hidden : {Activation::relu, Activation::gelu, Activation::linear}) {
    for (const std::vector<std::int64_t>& widths :
         {std::vector<std::int64_t>{36, 18, 9, 18, 36}, {36, 20, 19, 4, 13, 36}, {36, 5, 36}}) {
      NetworkSpec network{widths, std::vector<Activation>(widths.size() - 1, hidden)};
      network.activations.back() = Activation::linear;
      network.activations[static_cast<std::size_t>(network.encoder_layers() - 1)] =
          Activation::linear;
      const auto components = principal_components(images, network.code_width(), 2);
      const PcaNetwork pca = pca_network(components);
      const auto found = problem_of(network, principal(network, 1, components));
      const auto expected = problem_of(pca.network, pca.parameters);
      INFO(network.describe());
      CHECK(largest_difference(found, expected, images) <= test::blas_threshold);
    }
  }
}

TEST_CASE("units beyond the pairs start alive but silent") {
  const NetworkSpec network{
      {36, 12, 4, 12, 36},
      {Activation::relu, Activation::linear, Activation::relu, Activation::linear}};
  const Images images = images_with_structure(100, 6, 6);
  const auto parameters = principal(network, 1, principal_components(images, 4, 1));
  const auto slots = parameter_layout(network);
  const auto weight = [&](std::size_t l, std::int64_t out, std::int64_t in) {
    return parameters[static_cast<std::size_t>(slots[l].weight + out * slots[l].in + in)];
  };
  for (std::int64_t unit = 8; unit < 12; ++unit) {
    CHECK(weight(0, unit, 3) != 0.0F);
    for (std::int64_t out = 0; out < 4; ++out) CHECK(weight(1, out, unit) == 0.0F);
    for (std::int64_t out = 0; out < 36; ++out) CHECK(weight(3, out, unit) == 0.0F);
  }
}

TEST_CASE("principal components of no images are refused") {
  const Images none{nullptr, nullptr, PixelType::u8, 0, 1, 4};
  CHECK_THROWS_AS(principal_components(none, 2, 1), UsageError);
}

TEST_CASE("principal initialisation is refused where it cannot hold, with the reason") {
  using A = Activation;
  const auto refuses = [](std::vector<std::int64_t> widths, std::vector<A> activations,
                          const std::string& reason) {
    CHECK_THROWS_WITH(require_principal({std::move(widths), std::move(activations)}),
                      Catch::Contains(reason) && Catch::Contains("--init variance_scaling"));
  };
  refuses({36, 18, 9, 18, 36}, {A::sigmoid, A::linear, A::sigmoid, A::linear}, "relu, gelu");
  refuses({36, 18, 9, 18, 36}, {A::relu, A::relu, A::relu, A::linear}, "must be linear");
  refuses({36, 18, 9, 18, 36}, {A::relu, A::linear, A::relu, A::relu}, "must be linear");
  refuses({36, 17, 9, 18, 36}, {A::relu, A::linear, A::relu, A::linear}, "narrower than twice");
  refuses({4, 40, 9, 40, 4}, {A::relu, A::linear, A::relu, A::linear}, "wider than the input");
  const Images wide{nullptr, nullptr, PixelType::u8, 2, 100, 100};
  CHECK_THROWS_WITH(principal_components(wide, 4, 1), Catch::Contains("cap"));
}
