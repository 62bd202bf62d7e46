// Measurements of the CPU engine against what the processor can do.
#pragma once

#include <cstdint>

#include "hourglass/network_spec.h"
#include "timing.h"

namespace hourglass::tools {

/// As many FLOP as the products of one step have, done as multiply-adds in registers: no product
/// can be faster. Its time is the step's floor, and `product_flop` over it the processor's peak
/// rate.
[[nodiscard]] Candidate multiply_add_floor(const NetworkSpec& network, std::int64_t batch,
                                           int threads);

/// Matrix products of one step (forward, backward, weight gradients) by the engine's own kernels
/// and by oneDNN: no bias, no activation, no update.
[[nodiscard]] Candidate own_products(const NetworkSpec& network, std::int64_t batch, int threads);
[[nodiscard]] Candidate onednn_products(const NetworkSpec& network, std::int64_t batch,
                                        int threads);

}  // namespace hourglass::tools
