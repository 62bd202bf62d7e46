// One layer's weights as the kernels want them, and the conversions from and to the flat arenas.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/kernels.h"
#include "hourglass/engine.h"
#include "hourglass/network_spec.h"

namespace hourglass::cpu {

/// A matrix (depth, columns) cut into panels of `width` columns: (panels, depth, width). The last
/// panel is filled up with zeros.
struct PanelShape {
  std::int64_t depth = 0;
  std::int64_t columns = 0;
  std::int64_t width = 0;

  [[nodiscard]] std::int64_t panels() const { return (columns + width - 1) / width; }
  [[nodiscard]] std::int64_t panel_size() const { return depth * width; }
  [[nodiscard]] std::int64_t size() const { return panels() * panel_size(); }
  [[nodiscard]] std::int64_t columns_of(std::int64_t panel) const {
    const std::int64_t left = columns - panel * width;
    return left < width ? left : width;
  }
};

/// Weights and Adam's moments of one layer in "master" panels, whose shape follows from the product
/// that reads them backwards:
/// - the first layer has no input gradient; depth = in, columns = out: forward panels;
/// - every other layer: depth = out, columns = in, as dz W wants them, plus a transposed copy,
///   `forward` (depth = in, columns = out), which x W^T wants.
/// In bf16 the transposed copy is rounded to bf16; the master panels are, where a product reads
/// them (data_pass), and stay as they are for Adam.
struct Layer {
  Layer(const LayerSlot& slot, Activation activation, bool first, bool sparse, Precision precision,
        const Kernels& kernels);

  LayerSlot slot;
  Activation activation;
  bool first;
  bool sparse;  // first layer computed from lit pixels only
  Precision precision;
  PanelShape master_shape;
  PanelShape forward_shape;
  AlignedBuffer<float> weights;
  AlignedBuffer<float> first_moment;
  AlignedBuffer<float> second_moment;
  AlignedBuffer<float> forward;  // empty for the first layer
  AlignedBuffer<float> bias;     // (out), padded
  AlignedBuffer<float> bias_first_moment;
  AlignedBuffer<float> bias_second_moment;

  [[nodiscard]] const float* forward_panel(std::int64_t panel) const {
    return (first ? weights.data() : forward.data()) + panel * forward_shape.panel_size();
  }

  /// Which of the three arenas a conversion is about.
  enum class Arena { parameters, first_moment, second_moment };
  void read_arena(Arena which, const std::vector<float>& arena, const Kernels& kernels);
  void write_arena(Arena which, std::vector<float>& arena) const;

  /// Renews what the forward panels hold of rows [first_row, first_row + count) of the master
  /// panels; `first_row` is a multiple of the panels' width.
  void transpose_rows(std::int64_t first_row, std::int64_t count, const Kernels& kernels);
};

/// Distance of two rows of `width` floats: whole cache lines, an odd number of them, so that a
/// column of blocks does not fall into one set of the first-level cache.
[[nodiscard]] std::int64_t row_stride(std::int64_t width);

}  // namespace hourglass::cpu
