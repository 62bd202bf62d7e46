// From the activation's name to its formulas. A new activation is one file here and one case below.
#pragma once

#include "hourglass/activation.h"
#include "kernels/activations/gelu.cuh"
#include "kernels/activations/linear.cuh"
#include "kernels/activations/relu.cuh"
#include "kernels/activations/sigmoid.cuh"
#include "kernels/activations/tanh.cuh"

namespace hourglass::kernels {

/// Calls `visit(Act{})` on the host.
template <typename Visit>
void with_activation(Activation activation, Visit&& visit) {
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
}

/// act(z), and what its backward pass wants to be given: the slope, or the output.
template <typename Act>
__device__ inline float activate(float z, float& kept) {
  if constexpr (Act::keeps_slope) {
    return Act::value(z, kept);
  } else {
    kept = Act::value(z);
    return kept;
  }
}

}  // namespace hourglass::kernels
