#include "cpu/layer.h"

#include <algorithm>

namespace hourglass::cpu {
namespace {

constexpr std::int64_t line_floats = 16;

AlignedBuffer<float> floats(std::int64_t count) {
  return AlignedBuffer<float>(static_cast<std::size_t>(count));
}

/// Calls `visit(arena offset, panel offset)` for every weight.
template <typename Visit>
void for_each_weight(const Layer& layer, Visit&& visit) {
  const PanelShape& shape = layer.master_shape;
  for (std::int64_t out = 0; out < layer.slot.out; ++out) {
    for (std::int64_t in = 0; in < layer.slot.in; ++in) {
      const std::int64_t k = layer.first ? in : out;
      const std::int64_t column = layer.first ? out : in;
      const std::int64_t panel = column / shape.width;
      visit(static_cast<std::size_t>(layer.slot.weight + out * layer.slot.in + in),
            static_cast<std::size_t>(panel * shape.panel_size() + k * shape.width +
                                     column % shape.width));
    }
  }
}

template <typename LayerRef>
auto& weights_of(LayerRef& layer, Layer::Arena which) {
  switch (which) {
    case Layer::Arena::first_moment:
      return layer.first_moment;
    case Layer::Arena::second_moment:
      return layer.second_moment;
    default:
      return layer.weights;
  }
}

template <typename LayerRef>
auto& bias_of(LayerRef& layer, Layer::Arena which) {
  switch (which) {
    case Layer::Arena::first_moment:
      return layer.bias_first_moment;
    case Layer::Arena::second_moment:
      return layer.bias_second_moment;
    default:
      return layer.bias;
  }
}

}  // namespace

std::int64_t row_stride(std::int64_t width) {
  const std::int64_t lines = (width + line_floats - 1) / line_floats;
  return (lines | 1) * line_floats;
}

Layer::Layer(const LayerSlot& layer_slot, Activation layer_activation, bool is_first,
             bool is_sparse, Precision layer_precision, const Kernels& kernels)
    : slot(layer_slot),
      activation(layer_activation),
      first(is_first),
      sparse(is_sparse),
      precision(layer_precision) {
  const std::int64_t width = sparse ? kernels.wide_panel_width : kernels.panel_width;
  forward_shape = {slot.in, slot.out, width};
  master_shape = first ? forward_shape : PanelShape{slot.out, slot.in, width};
  weights = floats(master_shape.size());
  first_moment = floats(master_shape.size());
  second_moment = floats(master_shape.size());
  if (!first) forward = floats(forward_shape.size());
  const std::int64_t padded_out = forward_shape.panels() * forward_shape.width;
  bias = floats(padded_out);
  bias_first_moment = floats(padded_out);
  bias_second_moment = floats(padded_out);
}

void Layer::read_arena(Arena which, const std::vector<float>& arena, const Kernels& kernels) {
  AlignedBuffer<float>& panels = weights_of(*this, which);
  for_each_weight(*this, [&](std::size_t from, std::size_t to) { panels[to] = arena[from]; });
  std::copy_n(arena.begin() + slot.bias, slot.out, bias_of(*this, which).data());
  if (which == Arena::parameters && !first) transpose_rows(0, master_shape.depth, kernels);
}

void Layer::write_arena(Arena which, std::vector<float>& arena) const {
  const AlignedBuffer<float>& panels = weights_of(*this, which);
  for_each_weight(*this, [&](std::size_t to, std::size_t from) { arena[to] = panels[from]; });
  std::copy_n(bias_of(*this, which).data(), slot.out, arena.begin() + slot.bias);
}

void Layer::transpose_rows(std::int64_t first_row, std::int64_t count, const Kernels& kernels) {
  const std::int64_t width = master_shape.width;
  for (std::int64_t row = first_row; row < first_row + count; row += width) {
    float* const target = forward.data() + row / width * forward_shape.panel_size();
    for (std::int64_t panel = 0; panel < master_shape.panels(); ++panel) {
      TransposeArgs args;
      args.source = weights.data() + panel * master_shape.panel_size() + row * width;
      args.rows = std::min(width, forward_shape.columns - row);
      args.destination = target + panel * width * width;
      args.destination_rows = master_shape.columns_of(panel);
      args.bf16 = precision == Precision::bf16;
      kernels.transpose(args);
    }
  }
}

}  // namespace hourglass::cpu
