#include "cpu/weight_pass.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace hourglass::cpu {
namespace {

// Images of one block: with 256 of them a packed panel is 16 KB and stays in the first-level cache.
constexpr std::int64_t max_block = 256;
// With one block, Adam follows every 48 rows of a gradient panel (3 KB on AVX2).
constexpr std::int64_t fused_rows = 48;
// With several blocks, gradient panels wait in scratch for the last one; panels are then taken in
// groups so that the gradients dz are read from far memory once a group.
constexpr std::int64_t group_panels = 4;

}  // namespace

WeightPass::WeightPass(std::vector<Layer>& layers, const Kernels& kernels, std::int64_t batch,
                       int workers)
    : layers_(layers), kernels_(kernels), batch_(batch) {
  const bool one_block = batch <= max_block;
  block_ = std::min(batch, max_block);
  row_block_ = one_block ? fused_rows : 0;
  const std::int64_t group = one_block ? 1 : group_panels;

  std::int64_t gradient_size = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const PanelShape& shape = layers[l].master_shape;
    const std::int64_t step = layers[l].sparse ? 1 : group;
    for (std::int64_t panel = 0; panel < shape.panels(); panel += step)
      items_.push_back({static_cast<int>(l), panel, std::min(step, shape.panels() - panel)});
    items_.push_back({static_cast<int>(l), -1, 0});
    const std::int64_t rows = row_block_ == 0 ? shape.depth : std::min(shape.depth, row_block_);
    gradient_size =
        std::max({gradient_size, step * rows * shape.width, row_stride(layers[l].slot.out)});
  }
  for (int worker = 0; worker < workers; ++worker)
    scratch_.push_back(
        {AlignedBuffer<float>(static_cast<std::size_t>(gradient_size)),
         AlignedBuffer<float>(static_cast<std::size_t>(block_ * kernels.panel_width))});
}

void WeightPass::run(std::int64_t index, int worker, BatchBuffers& buffers,
                     const AdamStep& scalars) {
  const Item& item = items_[static_cast<std::size_t>(index)];
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
  if (item.panel < 0) return bias(layer, item.layer, scratch, buffers, scalars);
  if (layer.sparse) return sparse(item, scratch, buffers, scalars);
  dense(item, scratch, buffers, scalars);
}

void WeightPass::update(Layer& layer, std::int64_t panel, std::int64_t first_row, std::int64_t rows,
                        const float* gradient, const AdamStep& scalars) {
  const PanelShape& shape = layer.master_shape;
  const std::int64_t offset = panel * shape.panel_size() + first_row * shape.width;
  kernels_.adam({layer.weights.data() + offset, layer.first_moment.data() + offset,
                 layer.second_moment.data() + offset, gradient, rows * shape.width, scalars});
}

void WeightPass::dense(const Item& item, Scratch& scratch, BatchBuffers& buffers,
                       const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  const PanelShape& shape = layer.master_shape;
  // The broadcast operand runs over the panel's rows, the packed one over its columns.
  float* const rows_source = layer.first ? buffers.activation(0) : buffers.gradient(item.layer);
  const std::int64_t rows_stride = buffers.stride(layer.first ? 0 : item.layer + 1);
  float* const columns_source =
      layer.first ? buffers.gradient(item.layer) : buffers.activation(item.layer);
  const std::int64_t columns_stride = buffers.stride(layer.first ? 1 : item.layer);

  const std::int64_t row_step = row_block_ == 0 ? shape.depth : row_block_;
  for (std::int64_t image = 0; image < batch_; image += block_) {
    const std::int64_t images = std::min(block_, batch_ - image);
    for (std::int64_t p = 0; p < item.panels; ++p) {
      const std::int64_t panel = item.panel + p;
      float* const packed = scratch.activation.data();
      for (std::int64_t i = 0; i < images; ++i)
        std::memcpy(packed + i * shape.width,
                    columns_source + (image + i) * columns_stride + panel * shape.width,
                    static_cast<std::size_t>(shape.width) * sizeof(float));
      for (std::int64_t row = 0; row < shape.depth; row += row_step) {
        ProductArgs args;
        args.a = rows_source + image * rows_stride + row;
        args.a_stride = rows_stride;
        args.k_contiguous = false;
        args.rows = std::min(row_step, shape.depth - row);
        args.depth = images;
        args.columns = shape.columns_of(panel);
        args.panel = packed;
        args.c = scratch.gradient.data() + p * row_step * shape.width;
        args.c_stride = shape.width;
        args.accumulate = image > 0;
        kernels_.product(args);
        if (image + images == batch_) update(layer, panel, row, args.rows, args.c, scalars);
      }
    }
  }
  if (layer.first) return;
  for (std::int64_t p = 0; p < item.panels; ++p) layer.transpose_panel(item.panel + p, kernels_);
}

void WeightPass::sparse(const Item& item, Scratch& scratch, BatchBuffers& buffers,
                        const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  const PanelShape& shape = layer.master_shape;
  const float* const gradient_columns = buffers.gradient(0) + item.panel * shape.width;
  const std::int64_t row_step = row_block_ == 0 ? shape.depth : row_block_;
  const std::int64_t chunks_of_block =
      row_block_ != 0 ? buffers.chunks() : std::max<std::int64_t>(1, block_ / buffers.chunk_rows());
  for (std::int64_t chunk = 0; chunk < buffers.chunks(); chunk += chunks_of_block) {
    const std::int64_t chunk_end = std::min(chunk + chunks_of_block, buffers.chunks());
    for (std::int64_t row = 0; row < shape.depth; row += row_step) {
      const std::int64_t rows = std::min(row_step, shape.depth - row);
      for (std::int64_t i = 0; i < rows; ++i) {
        SparseRowArgs args;
        args.rows_of = gradient_columns;
        args.stride = buffers.stride(1);
        args.columns = shape.columns_of(item.panel);
        args.c = scratch.gradient.data() + i * shape.width;
        for (std::int64_t part = chunk; part < chunk_end; ++part) {
          const LitPixels& lit = buffers.lit(part);
          const auto pixel = static_cast<std::size_t>(row + i);
          args.lit = std::span(lit.by_pixel)
                         .subspan(lit.pixel_ends[pixel],
                                  lit.pixel_ends[pixel + 1] - lit.pixel_ends[pixel]);
          args.accumulate = part > 0;
          kernels_.sparse_row(args);
        }
      }
      if (chunk_end == buffers.chunks())
        update(layer, item.panel, row, rows, scratch.gradient.data(), scalars);
    }
  }
}

void WeightPass::bias(Layer& layer, int l, Scratch& scratch, BatchBuffers& buffers,
                      const AdamStep& scalars) {
  ColumnSumArgs args;
  args.z = buffers.gradient(l);
  args.stride = buffers.stride(l + 1);
  args.rows = batch_;
  args.columns = layer.slot.out;
  args.sums = scratch.gradient.data();
  kernels_.column_sum(args);
  kernels_.adam({layer.bias.data(), layer.bias_first_moment.data(), layer.bias_second_moment.data(),
                 scratch.gradient.data(), layer.slot.out, scalars});
}

}  // namespace hourglass::cpu
