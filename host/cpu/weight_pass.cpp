#include "cpu/weight_pass.h"

#include <algorithm>

namespace hourglass::cpu {
namespace {

// Images whose products are summed before the next are touched: a panel of 256 rows is 16 KB.
constexpr std::int64_t block_images = 256;
// Rows of a weight gradient that are one item: with 150 images, the 48 columns of dz that they read
// are 29 KB, used for every panel. A multiple of the panels' widths, so that an item transposes
// whole blocks.
constexpr std::int64_t item_rows = 48;

/// Starts fetching what Adam will read of `count` numbers from `offset` on, while a product runs.
void fetch_parameters(const Layer& layer, std::int64_t offset, std::int64_t count) {
  constexpr std::int64_t line = 16;
  for (std::int64_t i = offset; i < offset + count; i += line) {
    __builtin_prefetch(layer.weights.data() + i, 1, 2);
    __builtin_prefetch(layer.first_moment.data() + i, 1, 2);
    __builtin_prefetch(layer.second_moment.data() + i, 1, 2);
  }
}

}  // namespace

WeightPass::WeightPass(std::vector<Layer>& layers, const Kernels& kernels, std::int64_t batch,
                       int workers)
    : layers_(layers), kernels_(kernels), batch_(batch), one_block_(batch <= block_images) {
  std::int64_t scratch_size = 0;
  const std::int64_t rows_step =
      (item_rows + kernels.panel_width - 1) / kernels.panel_width * kernels.panel_width;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const int layer = static_cast<int>(l);
    const PanelShape& shape = layers[l].master_shape;
    items_.push_back({Work::bias, layer, 0, 0});
    scratch_size = std::max(scratch_size, row_stride(layers[l].slot.out));
    if (layers[l].sparse) {
      for (std::int64_t panel = 0; panel < shape.panels(); ++panel)
        items_.push_back({Work::sparse, layer, panel, shape.depth});
      scratch_size = std::max(scratch_size, (one_block_ ? rows_step : shape.depth) * shape.width);
    } else {
      for (std::int64_t row = 0; row < shape.depth; row += rows_step)
        items_.push_back({Work::dense, layer, row, std::min(rows_step, shape.depth - row)});
      scratch_size =
          std::max(scratch_size, rows_step * shape.width * (one_block_ ? 1 : shape.panels()));
    }
  }
  for (int worker = 0; worker < workers; ++worker)
    scratch_.emplace_back(static_cast<std::size_t>(scratch_size));
}

void WeightPass::run(std::int64_t index, int worker, BatchBuffers& buffers,
                     const AdamStep& scalars) {
  const Item& item = items_[static_cast<std::size_t>(index)];
  float* const gradient = scratch_[static_cast<std::size_t>(worker)].data();
  switch (item.work) {
    case Work::dense:
      return dense(item, gradient, buffers, scalars);
    case Work::sparse:
      return sparse(item, gradient, buffers, scalars);
    case Work::bias:
      return bias(item, gradient, buffers, scalars);
  }
}

void WeightPass::update(Layer& layer, std::int64_t panel, std::int64_t first_row, std::int64_t rows,
                        const float* gradient, const AdamStep& scalars) {
  const PanelShape& shape = layer.master_shape;
  const std::int64_t offset = panel * shape.panel_size() + first_row * shape.width;
  kernels_.adam({layer.weights.data() + offset, layer.first_moment.data() + offset,
                 layer.second_moment.data() + offset, gradient, rows * shape.width, scalars});
}

void WeightPass::dense(const Item& item, float* gradient, BatchBuffers& buffers,
                       const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  const PanelShape& shape = layer.master_shape;
  // The broadcast operand runs over the panels' rows: pixels for the first layer, dz for others.
  float* const rows_of = layer.first ? buffers.activation(0) : buffers.gradient(item.layer);
  const std::int64_t rows_stride = buffers.stride(layer.first ? 0 : item.layer + 1);
  const std::int64_t panel_gradient = one_block_ ? 0 : item.count * shape.width;
  for (std::int64_t image = 0; image < batch_; image += block_images) {
    const std::int64_t images = std::min(block_images, batch_ - image);
    for (std::int64_t panel = 0; panel < shape.panels(); ++panel) {
      ProductArgs args;
      args.a = rows_of + image * rows_stride + item.first;
      args.a_stride = rows_stride;
      args.k_contiguous = false;
      args.rows = item.count;
      args.depth = images;
      args.columns = shape.columns_of(panel);
      args.panel = buffers.packed(item.layer, panel, image);
      args.c = gradient + panel * panel_gradient;
      args.c_stride = shape.width;
      args.accumulate = image > 0;
      kernels_.product(args);
      if (image + images == batch_) update(layer, panel, item.first, item.count, args.c, scalars);
    }
  }
  if (!layer.first) layer.transpose_rows(item.first, item.count, kernels_);
}

void WeightPass::sparse(const Item& item, float* gradient, BatchBuffers& buffers,
                        const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  const PanelShape& shape = layer.master_shape;
  const float* const gradient_columns = buffers.gradient(0) + item.first * shape.width;
  const std::int64_t row_step = one_block_ ? item_rows : shape.depth;
  const std::int64_t chunks_of_block =
      one_block_ ? buffers.chunks()
                 : std::max<std::int64_t>(1, block_images / buffers.chunk_rows());
  for (std::int64_t chunk = 0; chunk < buffers.chunks(); chunk += chunks_of_block) {
    const std::int64_t chunk_end = std::min(chunk + chunks_of_block, buffers.chunks());
    for (std::int64_t row = 0; row < shape.depth; row += row_step) {
      const std::int64_t rows = std::min(row_step, shape.depth - row);
      if (one_block_)
        fetch_parameters(layer, item.first * shape.panel_size() + row * shape.width,
                         rows * shape.width);
      for (std::int64_t part = chunk; part < chunk_end; ++part) {
        const LitPixels& lit = buffers.lit(part);
        for (std::int64_t i = 0; i < rows; ++i) {
          SparseRowArgs args;
          args.lit = lit.images_of(row + i);
          args.rows_of = gradient_columns;
          args.stride = buffers.stride(1);
          args.columns = shape.columns_of(item.first);
          args.c = gradient + i * shape.width;
          args.accumulate = part > 0;
          kernels_.sparse_row(args);
        }
      }
      if (chunk_end == buffers.chunks()) update(layer, item.first, row, rows, gradient, scalars);
    }
  }
}

void WeightPass::bias(const Item& item, float* gradient, BatchBuffers& buffers,
                      const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  ColumnSumArgs args;
  args.z = buffers.gradient(item.layer);
  args.stride = buffers.stride(item.layer + 1);
  args.rows = batch_;
  args.columns = layer.slot.out;
  args.sums = gradient;
  kernels_.column_sum(args);
  kernels_.adam({layer.bias.data(), layer.bias_first_moment.data(), layer.bias_second_moment.data(),
                 gradient, layer.slot.out, scalars});
}

}  // namespace hourglass::cpu
