#include "kernels/adam.h"

#include "kernels/activation_backward.h"
#include "kernels/loss.h"
#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

/// Everything that one update reads and writes.
template <typename Element>
struct AdamOperands {
  kernels::AdamArgs args;
  cuda::DeviceBuffer<float> parameters;
  cuda::DeviceBuffer<float> first_moment;
  cuda::DeviceBuffer<float> second_moment;
  cuda::DeviceBuffer<float> gradients;
  std::vector<cuda::DeviceBuffer<float>> bias_partials;   // by layer
  std::vector<cuda::DeviceBuffer<kernels::Bf16>> copies;  // by layer; bf16 only
  cuda::DeviceBuffer<kernels::AdamLayer> layers;
  cuda::DeviceBuffer<AdamStep> schedule;
  cuda::DeviceBuffer<std::uint32_t> magnitudes;
  cuda::DeviceBuffer<std::int32_t> nonfinite_layer;
  cuda::DeviceBuffer<std::int64_t> skipped;

  AdamOperands(const NetworkSpec& network, std::int64_t batch, const Rig& rig)
      : parameters(rig.random<float>(network.parameter_count())),
        first_moment(rig.zeros<float>(network.parameter_count())),
        second_moment(rig.zeros<float>(network.parameter_count())),
        gradients(rig.random<float>(network.parameter_count())),
        layers("the layer table", network.layers()),
        // So slow that the parameters stay finite however often it runs.
        schedule(rig.value(AdamStep{1e-9F, 1e-8F, 0.1F, 1e-3F})),
        magnitudes(rig.zeros<std::uint32_t>(2 * std::int64_t{network.layers()})),
        nonfinite_layer(rig.zeros<std::int32_t>(1)),
        skipped(rig.zeros<std::int64_t>(1)) {
    fill_table(network, batch, rig);
    args.parameters = parameters.data();
    args.first_moment = first_moment.data();
    args.second_moment = second_moment.data();
    args.weight_gradients = gradients.data();
    args.layers = layers.data();
    args.layer_count = network.layers();
    args.count = network.parameter_count();
    args.schedule = schedule.data();
    args.magnitudes = magnitudes.data();
    args.batch = batch;
    args.nonfinite_layer = nonfinite_layer.data();
    args.skipped = skipped.data();
  }

 private:
  void fill_table(const NetworkSpec& network, std::int64_t batch, const Rig& rig) {
    std::vector<kernels::AdamLayer> table;
    for (const LayerSlot& slot : parameter_layout(network)) {
      const bool last = static_cast<int>(table.size()) + 1 == network.layers();
      kernels::AdamLayer layer;
      layer.weight = slot.weight;
      layer.bias = slot.bias;
      layer.in = slot.in;
      layer.out = slot.out;
      layer.row_blocks =
          last ? kernels::loss_row_blocks(batch) : kernels::backward_row_blocks(batch);
      bias_partials.push_back(rig.random<float>(layer.row_blocks * slot.out));
      layer.bias_partials = bias_partials.back().data();
      if constexpr (std::is_same_v<Element, kernels::Bf16>) {
        layer.copy_stride = cuda::row_stride<Element>(slot.in);
        copies.push_back(rig.zeros<kernels::Bf16>(slot.out * layer.copy_stride));
        layer.weight_copy = copies.back().data();
      }
      table.push_back(layer);
    }
    cuda::upload(layers.data(), table.data(), layers.size(), rig.stream().get());
    rig.stream().synchronize();
  }
};

template <typename Element>
Entry adam_entry(const Sizes& sizes) {
  const NetworkSpec& network = sizes.plan.network;
  Entry entry = kernel_entry<Element>(
      "adam", std::to_string(network.parameter_count()) + " parameters",
      matrix_bytes(1, network.parameter_count(), std::is_same_v<Element, kernels::Bf16> ? 30 : 28));
  entry.make = [network, batch = sizes.batch](Rig& rig, std::int64_t) -> Operation {
    auto operands = std::make_shared<AdamOperands<Element>>(network, batch, rig);
    return [operands](cudaStream_t stream) { kernels::adam(operands->args, stream); };
  };
  return entry;
}

}  // namespace

std::vector<Entry> adam_entries(const Sizes& sizes) {
  return {adam_entry<float>(sizes), adam_entry<kernels::Bf16>(sizes)};
}

}  // namespace hourglass::tools::lab
