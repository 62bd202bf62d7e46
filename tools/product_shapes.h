// The matrix products of a training step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hourglass/network_spec.h"

namespace hourglass::tools {

/// One product: (rows, depth) times (depth, columns).
struct ProductShape {
  enum class Kind { forward, backward, weights } kind;
  std::size_t layer;  // of the network, from 0
  std::int64_t rows, depth, columns;

  [[nodiscard]] double flop() const {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(depth) *
           static_cast<double>(columns);
  }
};

/// In the order of a step: forward, gradients of inputs, gradients of weights.
[[nodiscard]] std::vector<ProductShape> product_shapes(const NetworkSpec& network,
                                                       std::int64_t batch);

/// FLOP of all of them.
[[nodiscard]] double product_flop(const NetworkSpec& network, std::int64_t batch);

}  // namespace hourglass::tools
