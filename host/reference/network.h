// The oracle: a dense autoencoder, its loss, its gradient and Adam as plain loops over the formulas
// of docs/architecture.md. Slow and obviously right; shares no code with any engine.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include "hourglass/network_spec.h"
#include "hourglass/optimizer.h"
#include "reference/activations/gelu.h"
#include "reference/activations/linear.h"
#include "reference/activations/relu.h"
#include "reference/activations/sigmoid.h"
#include "reference/activations/tanh.h"
#include "reference/scalar.h"

namespace hourglass::reference {

/// Calls `visit(Act{})` with the activation's formulas.
template <typename Visit>
auto with_activation(Activation activation, Visit&& visit) {
  switch (activation) {
    case Activation::relu:
      return visit(Relu{});
    case Activation::linear:
      return visit(Linear{});
    case Activation::sigmoid:
      return visit(Sigmoid{});
    case Activation::tanh:
      return visit(Tanh{});
    case Activation::gelu:
      return visit(Gelu{});
  }
  throw std::logic_error("an activation without a formula in the oracle");
}

template <typename T>
T activate(Activation activation, T z) {
  return with_activation(activation, [&](auto act) { return act.value(z); });
}
template <typename T>
T activation_slope(Activation activation, T z) {
  return with_activation(activation, [&](auto act) { return act.slope(z); });
}

/// All numbers of one image on its way forward: `z[l]`, `a[l + 1]` for layer l; `a[0]` the input.
template <typename T>
struct Trace {
  std::vector<std::vector<T>> z;
  std::vector<std::vector<T>> a;
};

/// `parameters` in the layout of `parameter_layout`; layers [begin, end).
template <typename T>
Trace<T> forward(const NetworkSpec& network, const std::vector<T>& parameters,
                 const std::vector<T>& input, int begin, int end) {
  const auto slots = parameter_layout(network);
  Trace<T> trace;
  trace.a.push_back(input);
  for (int l = begin; l < end; ++l) {
    const LayerSlot& slot = slots[static_cast<std::size_t>(l)];
    std::vector<T> z(static_cast<std::size_t>(slot.out));
    std::vector<T> a(static_cast<std::size_t>(slot.out));
    for (std::int64_t o = 0; o < slot.out; ++o) {
      T sum = parameters[static_cast<std::size_t>(slot.bias + o)];
      for (std::int64_t i = 0; i < slot.in; ++i)
        sum += parameters[static_cast<std::size_t>(slot.weight + o * slot.in + i)] *
               trace.a.back()[static_cast<std::size_t>(i)];
      z[static_cast<std::size_t>(o)] = sum;
      a[static_cast<std::size_t>(o)] =
          activate(network.activations[static_cast<std::size_t>(l)], sum);
    }
    trace.z.push_back(std::move(z));
    trace.a.push_back(std::move(a));
  }
  return trace;
}

template <typename T>
Trace<T> forward(const NetworkSpec& network, const std::vector<T>& parameters,
                 const std::vector<T>& input) {
  return forward(network, parameters, input, 0, network.layers());
}

/// Mean over batch and pixels of (y - x)^2.
template <typename T>
T loss(const NetworkSpec& network, const std::vector<T>& parameters,
       const std::vector<std::vector<T>>& batch) {
  T sum(0);
  for (const auto& x : batch) {
    const auto y = forward(network, parameters, x).a.back();
    for (std::size_t i = 0; i < x.size(); ++i) sum += (y[i] - x[i]) * (y[i] - x[i]);
  }
  return sum / T(static_cast<double>(batch.size() * batch.front().size()));
}

template <typename T>
struct LossAndGradient {
  T loss{};
  std::vector<T> gradient;   // in the layout of the parameters
  int nonfinite_layer = -1;  // first layer with a NaN or Inf in its output or gradient
};

template <typename T>
LossAndGradient<T> loss_and_gradient(const NetworkSpec& network, const std::vector<T>& parameters,
                                     const std::vector<std::vector<T>>& batch) {
  const auto slots = parameter_layout(network);
  const auto count = static_cast<T>(static_cast<double>(batch.size() * batch.front().size()));
  LossAndGradient<T> result;
  result.gradient.assign(parameters.size(), T(0));
  const auto note = [&](std::size_t l, const T& value) {
    const int layer = static_cast<int>(l);
    if (!is_finite(value) && (result.nonfinite_layer < 0 || layer < result.nonfinite_layer))
      result.nonfinite_layer = layer;
  };
  for (const auto& x : batch) {
    const Trace<T> trace = forward(network, parameters, x);
    const auto& y = trace.a.back();
    std::vector<T> da(y.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      result.loss += (y[i] - x[i]) * (y[i] - x[i]);
      da[i] = T(2) * (y[i] - x[i]) / count;
    }
    for (std::size_t l = slots.size(); l-- > 0;) {
      const LayerSlot& slot = slots[l];
      std::vector<T> below(static_cast<std::size_t>(slot.in), T(0));
      for (std::size_t o = 0; o < static_cast<std::size_t>(slot.out); ++o) {
        note(l, trace.a[l + 1][o]);
        const T dz = da[o] * activation_slope(network.activations[l], trace.z[l][o]);
        const std::size_t row =
            static_cast<std::size_t>(slot.weight) + o * static_cast<std::size_t>(slot.in);
        for (std::size_t i = 0; i < static_cast<std::size_t>(slot.in); ++i) {
          result.gradient[row + i] += dz * trace.a[l][i];
          below[i] += dz * parameters[row + i];
        }
        result.gradient[static_cast<std::size_t>(slot.bias) + o] += dz;
      }
      da = std::move(below);
    }
  }
  result.loss /= count;
  for (std::size_t l = 0; l < slots.size(); ++l)
    for (std::int64_t i = slots[l].weight; i < slots[l].bias + slots[l].out; ++i)
      note(l, result.gradient[static_cast<std::size_t>(i)]);
  return result;
}

/// One update of one parameter; `step` from 0. Written from the formulas, not from AdamStep.
struct AdamNumbers {
  double parameter;
  double first_moment;
  double second_moment;
};

inline AdamNumbers adam(const OptimizerSpec& spec, std::int64_t step, AdamNumbers n,
                        double gradient) {
  const double t = static_cast<double>(step + 1);
  n.first_moment = spec.beta1 * n.first_moment + (1 - spec.beta1) * gradient;
  n.second_moment = spec.beta2 * n.second_moment + (1 - spec.beta2) * gradient * gradient;
  const double rate = learning_rate(spec, step);
  const double c1 = 1 - std::pow(spec.beta1, t);
  const double c2 = 1 - std::pow(spec.beta2, t);
  if (spec.form == AdamForm::kingma_ba)
    n.parameter -= rate * (n.first_moment / c1) / (std::sqrt(n.second_moment / c2) + spec.epsilon);
  else
    n.parameter -=
        rate * std::sqrt(c2) / c1 * n.first_moment / (std::sqrt(n.second_moment) + spec.epsilon);
  return n;
}

}  // namespace hourglass::reference
