// Measurements of the CPU engine against what the processor can do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hourglass/images.h"
#include "hourglass/network_spec.h"

namespace hourglass::tools {

/// Something to be timed: `run(n)` does it n times.
struct Candidate {
  std::string name;
  std::function<void(std::int64_t)> run;
  std::int64_t repeats = 1;     // a round does this many, about 0.15 s
  std::vector<double> seconds;  // of one, by round

  [[nodiscard]] double median() const;
  [[nodiscard]] double lowest() const;
  [[nodiscard]] double highest() const;
};

/// Times all candidates in turn, `rounds` times over, after a warm-up: what the machine does
/// meanwhile meets all of them alike.
void time_interleaved(std::vector<Candidate>& candidates, int rounds);

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

/// FLOP of those products.
[[nodiscard]] double product_flop(const NetworkSpec& network, std::int64_t batch);

}  // namespace hourglass::tools
