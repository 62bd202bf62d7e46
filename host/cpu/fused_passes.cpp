#include "cpu/fused_passes.h"

namespace hourglass::cpu {
namespace {

std::vector<Layer> make_layers(const NetworkSpec& network, const Kernels& kernels,
                               Precision precision, bool sparse) {
  std::vector<Layer> layers;
  const auto slots = parameter_layout(network);
  for (std::size_t l = 0; l < slots.size(); ++l)
    layers.emplace_back(slots[l], network.activations[l], l == 0, l == 0 && sparse, precision,
                        kernels);
  return layers;
}

}  // namespace

FusedPasses::FusedPasses(const NetworkSpec& network, const Kernels& kernels, Precision precision,
                         bool sparse, bool skip_zeros, int threads)
    : network_(network),
      kernels_(kernels),
      precision_(precision),
      skip_zeros_(skip_zeros),
      layers_(make_layers(network, kernels, precision, sparse)),
      data_pass_(layers_, kernels, precision, skip_zeros, threads) {}

void FusedPasses::read_state(const TrainingState& state, ThreadPool& pool) {
  pool.run(static_cast<std::int64_t>(layers_.size()), [&](std::int64_t l, int) {
    Layer& layer = layers_[static_cast<std::size_t>(l)];
    layer.read_arena(Layer::Arena::parameters, state.parameters, kernels_);
    layer.read_arena(Layer::Arena::first_moment, state.first_moment, kernels_);
    layer.read_arena(Layer::Arena::second_moment, state.second_moment, kernels_);
  });
}

void FusedPasses::write_state(TrainingState& state, ThreadPool& pool) const {
  pool.run(static_cast<std::int64_t>(layers_.size()), [&](std::int64_t l, int) {
    const Layer& layer = layers_[static_cast<std::size_t>(l)];
    layer.write_arena(Layer::Arena::parameters, state.parameters);
    layer.write_arena(Layer::Arena::first_moment, state.first_moment);
    layer.write_arena(Layer::Arena::second_moment, state.second_moment);
  });
}

}  // namespace hourglass::cpu
