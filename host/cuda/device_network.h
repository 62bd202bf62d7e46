// A network's numbers on the device: parameters, both moments and gradients, as flat arenas in the
// layout of `parameter_layout`, and in bf16 runs a padded bf16 copy of every weight matrix.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "cuda/device_buffer.h"
#include "cuda/memory_budget.h"
#include "hourglass/engine.h"
#include "kernels/element.h"

namespace hourglass::cuda {

/// Distance of rows in elements: whole groups of 16 bytes, as vector accesses and tensor cores
/// want. Columns beyond the width are zero and stay so: nothing writes them.
template <typename Element>
[[nodiscard]] constexpr std::int64_t row_stride(std::int64_t width) {
  constexpr std::int64_t group = 16 / static_cast<std::int64_t>(sizeof(Element));
  return (width + group - 1) / group * group;
}

/// `Element` is what the products read: float, or Bf16.
template <typename Element>
class DeviceNetwork {
 public:
  static constexpr bool has_copies = std::is_same_v<Element, kernels::Bf16>;

  /// A network that only runs forward has neither moments nor gradients on the device.
  DeviceNetwork(const NetworkSpec& spec, bool training, MemoryBudget& budget);

  /// Takes over a state and waits. Sizes must be right.
  void set_state(const TrainingState& state, cudaStream_t stream);
  /// Fills in everything but `step`, and waits.
  void get_state(TrainingState& state, cudaStream_t stream) const;

  [[nodiscard]] const NetworkSpec& spec() const { return spec_; }
  [[nodiscard]] std::size_t layers() const { return slots_.size(); }
  [[nodiscard]] const LayerSlot& slot(std::size_t layer) const { return slots_[layer]; }
  [[nodiscard]] const float* bias(std::size_t layer) const {
    return parameters_.data() + slots_[layer].bias;
  }
  /// What products read as W (out, in), with rows `weight_stride` apart.
  [[nodiscard]] const Element* weight(std::size_t layer) const {
    if constexpr (has_copies)
      return copies_[layer].data();
    else
      return parameters_.data() + slots_[layer].weight;
  }
  [[nodiscard]] std::int64_t weight_stride(std::size_t layer) const {
    return has_copies ? row_stride<Element>(slots_[layer].in) : slots_[layer].in;
  }
  /// bf16 copy that follows the parameters, or null.
  [[nodiscard]] kernels::Bf16* copy(std::size_t layer) {
    return has_copies ? copies_[layer].data() : nullptr;
  }

  [[nodiscard]] std::int64_t parameter_count() const { return parameters_.size(); }
  [[nodiscard]] float* parameters() { return parameters_.data(); }
  [[nodiscard]] float* first_moment() { return first_moment_.data(); }
  [[nodiscard]] float* second_moment() { return second_moment_.data(); }
  [[nodiscard]] float* gradients() { return gradients_.data(); }
  [[nodiscard]] std::int64_t* skipped_steps() { return skipped_steps_.data(); }

 private:
  void set_copies(const TrainingState& state, cudaStream_t stream);

  NetworkSpec spec_;
  std::vector<LayerSlot> slots_;
  bool training_;
  DeviceBuffer<float> parameters_;
  DeviceBuffer<float> first_moment_;
  DeviceBuffer<float> second_moment_;
  DeviceBuffer<float> gradients_;
  DeviceBuffer<std::int64_t> skipped_steps_;
  std::vector<DeviceBuffer<kernels::Bf16>> copies_;
  TrainingState kept_;  // of a network that only runs forward: moments as they came
};

}  // namespace hourglass::cuda
