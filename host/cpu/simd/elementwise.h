// What happens to a block of columns between two products, each in one pass while it is hot:
// activation forward, loss and its gradient, activation backward, column sums.
#pragma once

#include "cpu/kernels.h"
#include "cpu/simd/vector.h"

namespace hourglass::cpu::HOURGLASS_SIMD {

/// The first `columns - column` lanes of v, zeros after them: padding stays zero.
HOURGLASS_INLINE Vec keep_columns(Vec v, std::int64_t remaining) {
  if (remaining >= lanes) return v;
  IntVec lane;
  for (int i = 0; i < lanes; ++i) lane[i] = i;
  return from_bits(bits(v) & (lane < static_cast<std::int32_t>(remaining)));
}

HOURGLASS_INLINE void raise_magnitude(std::uint32_t* magnitude, IntVec largest) {
  const std::uint32_t value = reduce_maximum(largest);
  if (value > *magnitude) *magnitude = value;
}

template <bool bf16>
HOURGLASS_INLINE Vec rounded_if(Vec v) {
  return bf16 ? round_to_bf16(v) : v;
}

template <typename Act, bool bf16>
void activate_block(const ActivateArgs& p) {
  IntVec largest{};
  for (std::int64_t row = 0; row < p.rows; ++row) {
    float* z = p.z + row * p.stride;
    for (std::int64_t c = 0; c < p.columns; c += lanes) {
      const Vec input = load(z + c) + load(p.bias + c);
      Vec output;
      if constexpr (Act::keeps_slope) {
        Vec slope;
        output = Act::value(input, slope);
        if (p.slope != nullptr)
          store(p.slope + row * p.stride + c, keep_columns(slope, p.columns - c));
      } else {
        output = Act::value(input);
      }
      output = keep_columns(rounded_if<bf16>(output), p.columns - c);
      store(z + c, output);
      if (p.packed != nullptr) store(p.packed + row * panel_width + c, output);
      largest = maximum(largest, magnitude(output));
    }
  }
  raise_magnitude(p.magnitude, largest);
}

template <typename Act>
void activate(const ActivateArgs& p) {
  p.bf16 ? activate_block<Act, true>(p) : activate_block<Act, false>(p);
}

template <typename Act, bool bf16>
void loss_block(const LossArgs& p) {
  IntVec largest_output{};
  IntVec largest_gradient{};
  for (std::int64_t row = 0; row < p.rows; ++row) {
    float* z = p.z + row * p.stride;
    const float* target = p.target + row * p.target_stride;
    float* row_loss = p.row_loss + row * lanes;
    Vec sum = load(row_loss);
    for (std::int64_t c = 0; c < p.columns; c += lanes) {
      const Vec input = load(z + c) + load(p.bias + c);
      Vec output;
      Vec kept;
      if constexpr (Act::keeps_slope) {
        output = Act::value(input, kept);
      } else {
        output = Act::value(input);
        kept = output;
      }
      output = keep_columns(output, p.columns - c);
      const Vec difference = output - load(target + c);
      sum = multiply_add(difference, difference, sum);
      const Vec exact = keep_columns(Act::backward(p.scale * difference, kept), p.columns - c);
      if (bf16) store(p.exact_sums + c, load(p.exact_sums + c) + exact);
      const Vec gradient = rounded_if<bf16>(exact);
      store(z + c, gradient);
      largest_output = maximum(largest_output, magnitude(output));
      largest_gradient = maximum(largest_gradient, magnitude(gradient));
    }
    store(row_loss, sum);
  }
  raise_magnitude(p.output_magnitude, largest_output);
  raise_magnitude(p.gradient_magnitude, largest_gradient);
}

template <typename Act>
void loss(const LossArgs& p) {
  p.exact_sums != nullptr ? loss_block<Act, true>(p) : loss_block<Act, false>(p);
}

template <typename Act, bool bf16>
void backward_block(const BackwardArgs& p) {
  IntVec largest{};
  for (std::int64_t row = 0; row < p.rows; ++row) {
    float* da = p.da + row * p.stride;
    const float* kept = p.kept + row * p.kept_stride;
    for (std::int64_t c = 0; c < p.columns; c += lanes) {
      const Vec exact = keep_columns(Act::backward(load(da + c), load(kept + c)), p.columns - c);
      if (bf16) store(p.exact_sums + c, load(p.exact_sums + c) + exact);
      const Vec dz = rounded_if<bf16>(exact);
      store(da + c, dz);
      if (p.packed != nullptr) store(p.packed + row * panel_width + c, dz);
      largest = maximum(largest, magnitude(dz));
    }
  }
  raise_magnitude(p.magnitude, largest);
}

template <typename Act>
void backward(const BackwardArgs& p) {
  p.exact_sums != nullptr ? backward_block<Act, true>(p) : backward_block<Act, false>(p);
}

inline void column_sum(const ColumnSumArgs& p) {
  for (std::int64_t c = 0; c < p.columns; c += lanes) {
    Vec sum{};
    for (std::int64_t row = 0; row < p.rows; ++row) sum = sum + load(p.z + row * p.stride + c);
    store(p.sums + c, sum);
  }
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
