// A small training problem for engine tests: images, plan, state, and the oracle's gradient with
// the magnitudes that the componentwise tolerance needs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "hourglass/engine.h"
#include "hourglass/random.h"
#include "reference/network.h"
#include "support/numbers.h"

namespace hourglass::test {

struct GradientWithMagnitude {
  double loss = 0;
  std::vector<double> gradient;
  std::vector<double> magnitude;  // error bound of each element in units of u
};

struct EngineProblem {
  TrainingPlan plan;
  TrainingState state;

  EngineProblem(std::vector<std::int64_t> widths, Activation activation, std::int64_t batch,
                PixelType type, std::int64_t images = 50) {
    const std::size_t layers = widths.size() - 1;
    plan.network = {std::move(widths), std::vector<Activation>(layers, activation)};
    plan.batch = batch;
    plan.seed = 5;
    plan.optimizer.learning_rate = 3e-3;
    plan.optimizer.schedule = Schedule::constant;
    plan.optimizer.warmup_steps = 0;
    plan.train = make_images(plan.network.input_width(), images, type);
    const auto count = static_cast<std::size_t>(plan.network.parameter_count());
    state.parameters = uniform(count, 1, -0.3, 0.3);
    state.first_moment.assign(count, 0.0F);
    state.second_moment.assign(count, 0.0F);
  }

  /// The images of step 0 as the network sees them.
  [[nodiscard]] std::vector<std::vector<double>> batch_of_step_0() const {
    return batch_of_step(0);
  }
  [[nodiscard]] std::vector<std::vector<double>> batch_of_step(std::int64_t step) const {
    std::vector<std::vector<double>> batch;
    const BatchStream stream(plan.seed, static_cast<std::uint64_t>(plan.train.count),
                             static_cast<std::uint64_t>(plan.batch));
    std::vector<float> pixels(static_cast<std::size_t>(plan.train.width()));
    stream.visit(static_cast<std::uint64_t>(step), 0, stream.batch(),
                 [&](std::uint64_t, std::uint64_t index) {
                   plan.train.read(static_cast<std::int64_t>(index), pixels.data());
                   batch.emplace_back(pixels.begin(), pixels.end());
                 });
    return batch;
  }

  /// Gradient of the next step of `at` by the oracle alone.
  [[nodiscard]] std::vector<double> exact_gradient(const TrainingState& at) const {
    const std::vector<double> parameters(at.parameters.begin(), at.parameters.end());
    return reference::loss_and_gradient(plan.network, parameters, batch_of_step(at.step)).gradient;
  }

  /// Gradient of the next step of `at` by the oracle. An element's magnitude bounds what rounding
  /// can do to it: the same forward and backward pass over absolute values, once for every layer it
  /// went through.
  [[nodiscard]] GradientWithMagnitude oracle_gradient(const TrainingState& at) const {
    const auto batch = batch_of_step(at.step);
    const std::vector<double> parameters(at.parameters.begin(), at.parameters.end());
    auto result = reference::loss_and_gradient(plan.network, parameters, batch);
    return {result.loss, std::move(result.gradient), magnitudes(at, batch)};
  }
  [[nodiscard]] GradientWithMagnitude oracle_gradient() const { return oracle_gradient(state); }

  /// Bounds of |a_l| for l = 0 (the input `x`) to the last layer: the forward pass over absolute
  /// values.
  [[nodiscard]] std::vector<std::vector<double>> activation_bounds(
      const TrainingState& at, const std::vector<double>& x) const {
    std::vector<std::vector<double>> a{x};
    for (const LayerSlot& slot : parameter_layout(plan.network)) {
      std::vector<double> next;
      for (std::int64_t o = 0; o < slot.out; ++o) {
        double sum = std::abs(parameter(at, slot.bias + o));
        for (std::int64_t i = 0; i < slot.in; ++i)
          sum += std::abs(parameter(at, slot.weight + o * slot.in + i)) *
                 std::abs(a.back()[static_cast<std::size_t>(i)]);
        next.push_back(std::max(1.0, sum));
      }
      a.push_back(std::move(next));
    }
    return a;
  }

 private:
  static Images make_images(std::int64_t width, std::int64_t count, PixelType type) {
    const auto pixels = static_cast<std::size_t>(width * count);
    auto bytes = std::make_shared<std::vector<std::byte>>(
        pixels * (type == PixelType::u8 ? 1 : sizeof(float)));
    for (std::size_t i = 0; i < pixels; ++i) {
      const auto words = philox(9, Purpose::strokes, i);
      const bool lit = words[0] % 3 == 0;
      const float value = lit ? static_cast<float>(words[1] % 256) : 0.0F;
      if (type == PixelType::u8) {
        (*bytes)[i] = static_cast<std::byte>(value);
      } else {
        const float scaled = value / 256.0F;
        std::memcpy(bytes->data() + i * sizeof(float), &scaled, sizeof(float));
      }
    }
    return {bytes, bytes->data(), type, count, 1, width};
  }

  static double parameter(const TrainingState& at, std::int64_t index) {
    return at.parameters[static_cast<std::size_t>(index)];
  }

  [[nodiscard]] std::vector<double> magnitudes(
      const TrainingState& at, const std::vector<std::vector<double>>& batch) const {
    const auto slots = parameter_layout(plan.network);
    const double scale = 2.0 / static_cast<double>(batch.size() * batch.front().size());
    std::vector<double> result(at.parameters.size(), 0.0);
    for (const auto& x : batch) {
      const auto a = activation_bounds(at, x);
      std::vector<double> da;
      for (std::size_t i = 0; i < x.size(); ++i) da.push_back(scale * (a.back()[i] + x[i]));
      for (std::size_t l = slots.size(); l-- > 0;) {
        std::vector<double> below(static_cast<std::size_t>(slots[l].in), 0.0);
        for (std::int64_t o = 0; o < slots[l].out; ++o) {
          const double dz = da[static_cast<std::size_t>(o)];
          for (std::int64_t i = 0; i < slots[l].in; ++i) {
            const std::int64_t w = slots[l].weight + o * slots[l].in + i;
            result[static_cast<std::size_t>(w)] += dz * a[l][static_cast<std::size_t>(i)];
            below[static_cast<std::size_t>(i)] += dz * std::abs(parameter(at, w));
          }
          result[static_cast<std::size_t>(slots[l].bias + o)] += dz;
        }
        da = std::move(below);
      }
    }
    return result;
  }
};

/// Networks whose widths and batches sit around vector widths, tiles and panels.
inline std::vector<std::pair<std::vector<std::int64_t>, std::int64_t>> awkward_networks() {
  return {{{1, 1, 1}, 1},         {{2, 3, 2}, 5},         {{7, 5, 3, 5, 7}, 9},
          {{16, 8, 16}, 15},      {{17, 9, 17}, 16},      {{31, 33, 15, 31}, 17},
          {{63, 32, 63}, 31},     {{65, 64, 33, 65}, 33}, {{129, 16, 127, 129}, 2},
          {{48, 65, 31, 48}, 79}, {{33, 17, 33}, 257},    {{20, 8, 20}, 600},
          {{240, 16, 240}, 3}};
}

}  // namespace hourglass::test
