#include "cuda/device_network.h"

#include <cstring>

#include "cuda/stream.h"

namespace hourglass::cuda {
namespace {

static_assert(sizeof(kernels::Bf16) == sizeof(std::uint16_t));

/// To nearest, ties to even; every NaN becomes 0x7FFF, as on the device.
std::uint16_t bf16_bits(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return 0x7FFF;
  return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

/// `from` has to stay until the stream was waited for.
void upload_arena(DeviceBuffer<float>& to, const std::vector<float>& from, cudaStream_t stream) {
  upload(to.data(), from.data(), to.size(), stream);
}

}  // namespace

template <typename Element>
DeviceNetwork<Element>::DeviceNetwork(const NetworkSpec& spec, bool training, MemoryBudget& budget)
    : spec_(spec), slots_(parameter_layout(spec)), training_(training) {
  const std::int64_t count = spec.parameter_count();
  budget.add(parameters_, "parameters", count);
  if (training) {
    budget.add(first_moment_, "first moments", count);
    budget.add(second_moment_, "second moments", count);
    budget.add(gradients_, "gradients", count);
    budget.add(skipped_steps_, "the count of skipped steps", 1);
  }
  if constexpr (has_copies) {
    copies_.resize(slots_.size());
    for (std::size_t l = 0; l < slots_.size(); ++l)
      budget.add(copies_[l], "bf16 weights of layer " + std::to_string(l),
                 slots_[l].out * row_stride<Element>(slots_[l].in));
  }
}

template <typename Element>
void DeviceNetwork<Element>::set_copies(const TrainingState& state, cudaStream_t stream) {
  for (std::size_t l = 0; l < copies_.size(); ++l) {
    const LayerSlot& slot = slots_[l];
    const std::int64_t stride = row_stride<Element>(slot.in);
    std::vector<std::uint16_t> bits(static_cast<std::size_t>(slot.out * stride), 0);
    for (std::int64_t row = 0; row < slot.out; ++row)
      for (std::int64_t i = 0; i < slot.in; ++i)
        bits[static_cast<std::size_t>(row * stride + i)] =
            bf16_bits(state.parameters[static_cast<std::size_t>(slot.weight + row * slot.in + i)]);
    kernels::check(cudaMemcpyAsync(copies_[l].data(), bits.data(), copies_[l].bytes(),
                                   cudaMemcpyHostToDevice, stream),
                   "copy bf16 weights to the device");
    // `bits` ends here, and a copy from memory that is not pinned may still read it.
    kernels::check(cudaStreamSynchronize(stream), "copy bf16 weights to the device");
  }
}

template <typename Element>
void DeviceNetwork<Element>::set_state(const TrainingState& state, cudaStream_t stream) {
  upload_arena(parameters_, state.parameters, stream);
  if (training_) {
    upload_arena(first_moment_, state.first_moment, stream);
    upload_arena(second_moment_, state.second_moment, stream);
    upload(skipped_steps_.data(), &state.skipped_steps, 1, stream);
  } else {
    kept_ = state;
  }
  set_copies(state, stream);
  kernels::check(cudaStreamSynchronize(stream), "copy the state to the device");
}

template <typename Element>
void DeviceNetwork<Element>::get_state(TrainingState& state, cudaStream_t stream) const {
  if (!training_) {
    state = kept_;
    return;
  }
  const auto get = [&](std::vector<float>& to, const DeviceBuffer<float>& from) {
    to.resize(static_cast<std::size_t>(from.size()));
    download(to.data(), from.data(), from.size(), stream);
  };
  get(state.parameters, parameters_);
  get(state.first_moment, first_moment_);
  get(state.second_moment, second_moment_);
  download(&state.skipped_steps, skipped_steps_.data(), 1, stream);
  kernels::check(cudaStreamSynchronize(stream), "copy the state from the device");
}

template class DeviceNetwork<float>;
template class DeviceNetwork<kernels::Bf16>;

}  // namespace hourglass::cuda
