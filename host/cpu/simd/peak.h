// The yardstick of the benchmark: multiply-adds on registers, nothing else.
#pragma once

#include <cstdint>

#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

inline double multiply_add_rounds(std::int64_t rounds) {
  constexpr int chains = 10;  // two a cycle at a latency of four or five cycles
  Vec sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = broadcast(static_cast<float>(i));
  const Vec factor = broadcast(0.9999999F);
  const Vec term = broadcast(1e-9F);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) {
      sum[i] = multiply_add(sum[i], factor, term);
    }
  }
  Vec total{};
  for (int i = 0; i < chains; ++i) total = total + sum[i];
  volatile float sink = total[0];
  static_cast<void>(sink);
  return 2.0 * static_cast<double>(rounds) * chains * lanes;
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
