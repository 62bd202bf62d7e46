// Engines against the oracle by the tolerance model: what the tests of every engine share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "hourglass/engine.h"
#include "reference/network.h"
#include "reference/reference_engine.h"
#include "support/catch.h"
#include "support/engine_problem.h"
#include "support/numbers.h"
#include "support/tolerance.h"

namespace hourglass::test {

/// Largest of many errors, in u.
class WorstError {
 public:
  void add(double found, double expected, double magnitude) {
    value_ = std::max(value_, error_in_u(found, expected, magnitude));
  }
  [[nodiscard]] double value() const { return value_; }

 private:
  double value_ = 0;
};

/// Of a gradient of the first step, against the oracle's.
inline double worst_error_in_u(const EngineProblem& problem, const std::vector<float>& found) {
  const auto expected = problem.oracle_gradient();
  WorstError worst;
  for (std::size_t p = 0; p < found.size(); ++p)
    worst.add(found[p], expected.gradient[p], expected.magnitude[p]);
  return worst.value();
}

/// Euclidean distance, for the 2x rule.
inline double distance(const std::vector<float>& found, const std::vector<double>& exact) {
  double sum = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double difference = static_cast<double>(found[i]) - exact[i];
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

/// Squared errors of what the engine itself makes of images, in double, and the same sums over
/// absolute values: what rounding in their differences, squares and sums can do is 16 u of that.
struct SquaredErrors {
  double sum = 0;
  double clipped = 0;
  double magnitude = 0;
};

inline SquaredErrors squared_errors(Engine& engine, const std::vector<float>& x,
                                    std::int64_t rows) {
  std::vector<float> y(x.size());
  engine.forward(Part::whole, x.data(), rows, y.data());
  SquaredErrors errors;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double target = static_cast<double>(x[i]);
    const double output = static_cast<double>(y[i]);
    const double clipped = std::clamp(output, 0.0, 1.0);
    errors.sum += (output - target) * (output - target);
    errors.clipped += (clipped - target) * (clipped - target);
    errors.magnitude += (std::abs(output) + target) * (std::abs(output) + target);
  }
  return errors;
}

/// Whether `loss` is the engine's own loss on a batch.
inline bool is_loss_of(Engine& engine, const std::vector<std::vector<double>>& batch, double loss) {
  std::vector<float> x;
  for (const auto& image : batch)
    for (const double pixel : image) x.push_back(static_cast<float>(pixel));
  const auto errors = squared_errors(engine, x, static_cast<std::int64_t>(batch.size()));
  const auto pixels = static_cast<double>(x.size());
  return error_in_u(loss, errors.sum / pixels, errors.magnitude / pixels) <= blas_threshold;
}

/// Error of one step, in u. The moments are compared with the oracle's, the update with Adam's
/// formula over the engine's own moments: what rounding did to earlier steps does not come in.
inline double step_error(const EngineProblem& problem, const TrainingState& before,
                         const TrainingState& after) {
  const auto expected = problem.oracle_gradient(before);
  const AdamStep adam = adam_step(problem.plan.optimizer, before.step);
  const auto moved = [](double moment, double toward, double share) {
    return moment + share * (toward - moment);
  };
  WorstError worst;
  for (std::size_t p = 0; p < expected.gradient.size(); ++p) {
    const double g = expected.gradient[p];
    const double bound = std::max(std::abs(g), expected.magnitude[p]);
    const double m = before.first_moment[p];
    const double v = before.second_moment[p];
    worst.add(after.first_moment[p], moved(m, g, adam.one_minus_beta1),
              std::abs(m) + adam.one_minus_beta1 * bound);
    // g^2 has twice the relative error of g.
    worst.add(after.second_moment[p], moved(v, g * g, adam.one_minus_beta2),
              v + adam.one_minus_beta2 * 2 * bound * bound);
    const double change = adam.rate * static_cast<double>(after.first_moment[p]) /
                          (std::sqrt(static_cast<double>(after.second_moment[p])) +
                           static_cast<double>(adam.epsilon));
    worst.add(after.parameters[p], before.parameters[p] - change,
              std::abs(before.parameters[p]) + std::abs(change));
  }
  return worst.value();
}

/// Runs `steps` steps one by one and checks each: its loss, its report, moments and update within
/// 16 u. Returns the reports.
inline std::vector<StepReport> check_steps(Engine& engine, const EngineProblem& problem,
                                           int steps) {
  std::vector<StepReport> reports;
  double worst = 0;
  for (int i = 0; i < steps; ++i) {
    const TrainingState before = engine.state();
    const double loss = engine.batch_loss(before.step);
    CHECK(is_loss_of(engine, problem.batch_of_step(before.step), loss));
    engine.run(1);
    engine.synchronize();
    const auto now = engine.take_reports();
    REQUIRE(now.size() == 1);
    CHECK(now[0].step == before.step);
    CHECK(now[0].loss == loss);
    reports.push_back(now[0]);
    worst = std::max(worst, step_error(problem, before, engine.state()));
  }
  CHECK(worst > 0);
  CHECK(worst <= blas_threshold);
  return reports;
}

/// The gradient of the next step of `at` by the oracle's formulas in single precision: the plain
/// computation of the 2x rule.
inline std::vector<float> plain_gradient(const EngineProblem& problem, const TrainingState& at) {
  std::vector<std::vector<float>> batch;
  for (const auto& image : problem.batch_of_step(at.step)) {
    std::vector<float> pixels;
    for (const double pixel : image) pixels.push_back(static_cast<float>(pixel));
    batch.push_back(std::move(pixels));
  }
  return reference::loss_and_gradient(problem.plan.network, at.parameters, batch).gradient;
}

/// `check_steps` with beta1 = 0, where the first moment is the gradient itself: in addition, its
/// error against double is at most twice that of the plain computation in single precision. For
/// wide and deep networks, whose componentwise bounds are wide as well.
inline void check_steps_by_2x_rule(Engine& engine, const EngineProblem& problem, int steps) {
  REQUIRE(problem.plan.optimizer.beta1 == 0);
  for (int i = 0; i < steps; ++i) {
    const TrainingState before = engine.state();
    const auto exact = problem.exact_gradient(before);
    check_steps(engine, problem, 1);
    const double plain = distance(plain_gradient(problem, before), exact);
    CHECK(plain > 0);
    CHECK(distance(engine.state().first_moment, exact) <= 2 * plain);
  }
}

/// Sums of an evaluation against the engine's own outputs in double.
inline void check_evaluation_sums(Engine& engine, const Images& images) {
  const auto width = static_cast<std::size_t>(images.width());
  std::vector<float> all(static_cast<std::size_t>(images.count) * width);
  for (std::int64_t i = 0; i < images.count; ++i)
    images.read(i, all.data() + static_cast<std::size_t>(i) * width);
  const SquaredErrors errors = squared_errors(engine, all, images.count);
  const Evaluation found = engine.evaluate(images);
  CHECK(found.images == images.count);
  CHECK(error_in_u(found.se_sum, errors.sum, errors.magnitude) <= blas_threshold);
  CHECK(error_in_u(found.se_clipped_sum, errors.clipped, errors.magnitude) <= blas_threshold);
}

/// The smallest and largest output of every unit, over the images, within 16 u of the oracle's.
inline void check_unit_ranges(Engine& engine, const EngineProblem& problem) {
  const auto oracle = reference::make_reference_engine(problem.plan);
  oracle->set_state(problem.state);
  const Evaluation found = engine.evaluate(problem.plan.train);
  const Evaluation expected = oracle->evaluate(problem.plan.train);
  std::vector<std::vector<double>> highest(found.unit_min.size());  // bounds, over the images
  std::vector<float> pixels(static_cast<std::size_t>(problem.plan.train.width()));
  for (std::int64_t i = 0; i < problem.plan.train.count; ++i) {
    problem.plan.train.read(i, pixels.data());
    const auto bounds = problem.activation_bounds(problem.state, {pixels.begin(), pixels.end()});
    for (std::size_t l = 0; l < highest.size(); ++l) {
      highest[l].resize(bounds[l + 1].size());
      std::ranges::transform(highest[l], bounds[l + 1], highest[l].begin(),
                             [](double a, double b) { return std::max(a, b); });
    }
  }
  WorstError worst;
  for (std::size_t l = 0; l < highest.size(); ++l)
    for (std::size_t unit = 0; unit < highest[l].size(); ++unit) {
      worst.add(found.unit_min[l][unit], expected.unit_min[l][unit], highest[l][unit]);
      worst.add(found.unit_max[l][unit], expected.unit_max[l][unit], highest[l][unit]);
    }
  CHECK(worst.value() <= blas_threshold);
}

/// `rows` images that are no training images.
inline std::vector<float> forward_input(const EngineProblem& problem, std::int64_t rows) {
  return uniform(static_cast<std::size_t>(rows * problem.plan.network.input_width()), 4, 0.0, 1.0);
}

/// What the engine makes of rows of images; the encoder followed by the decoder gives the same
/// bits.
inline std::vector<float> check_parts(Engine& engine, const EngineProblem& problem,
                                      const std::vector<float>& input, std::int64_t rows) {
  std::vector<float> codes(static_cast<std::size_t>(rows * problem.plan.network.code_width()));
  std::vector<float> through(input.size());
  std::vector<float> whole(input.size());
  engine.forward(Part::encoder, input.data(), rows, codes.data());
  engine.forward(Part::decoder, codes.data(), rows, through.data());
  engine.forward(Part::whole, input.data(), rows, whole.data());
  CHECK(std::memcmp(through.data(), whole.data(), whole.size() * sizeof(float)) == 0);
  return whole;
}

/// Forward passes of `rows` images within 16 u of the oracle's.
inline void check_forward(Engine& engine, const EngineProblem& problem, std::int64_t rows) {
  const auto input = forward_input(problem, rows);
  const auto found = check_parts(engine, problem, input, rows);
  const std::vector<double> parameters(problem.state.parameters.begin(),
                                       problem.state.parameters.end());
  const auto width = static_cast<std::size_t>(problem.plan.network.input_width());
  WorstError worst;
  for (std::size_t at = 0; at < input.size(); at += width) {
    const std::vector<double> x(input.data() + at, input.data() + at + width);
    const auto expected = reference::forward(problem.plan.network, parameters, x).a.back();
    const auto bounds = problem.activation_bounds(problem.state, x).back();
    for (std::size_t i = 0; i < width; ++i) worst.add(found[at + i], expected[i], bounds[i]);
  }
  CHECK(worst.value() > 0);
  CHECK(worst.value() <= blas_threshold);
}

}  // namespace hourglass::test
