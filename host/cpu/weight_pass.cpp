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

WeightPass::WeightPass(std::vector<Layer>& layers, const Kernels& kernels, bool skip_zeros,
                       std::int64_t batch, int workers)
    : layers_(layers),
      kernels_(kernels),
      batch_(batch),
      skip_zeros_(skip_zeros),
      one_block_(batch <= block_images),
      live_(layers.size()) {
  std::int64_t scratch_size = 0;
  std::int64_t spread_size = 0;
  std::int64_t operand_size = 0;
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
      spread_size = std::max(spread_size, (one_block_ ? rows_step : shape.depth) * shape.width);
      operand_size = std::max(operand_size, batch * shape.width);
    } else {
      for (std::int64_t row = 0; row < shape.depth; row += rows_step)
        items_.push_back({Work::dense, layer, row, std::min(rows_step, shape.depth - row)});
      scratch_size = std::max(scratch_size, rows_step * shape.width * shape.panels());
      spread_size = std::max(spread_size, rows_step * shape.width);
      operand_size = std::max(operand_size, std::min(batch, block_images) * rows_step);
    }
  }
  const auto floats = [](std::int64_t count) {
    return AlignedBuffer<float>(static_cast<std::size_t>(count));
  };
  for (int worker = 0; worker < workers; ++worker) {
    Scratch& scratch = scratch_.emplace_back();
    scratch.gradient = floats(scratch_size);
    scratch.spread = floats(skip_zeros ? spread_size : 0);
    scratch.operand = floats(skip_zeros ? operand_size : 0);
  }
}

void WeightPass::prepare(BatchBuffers& buffers, ThreadPool& pool) {
  if (!skip_zeros_) return;
  pool.run(static_cast<std::int64_t>(layers_.size()), [&](std::int64_t index, int) {
    const int l = static_cast<int>(index);
    const Layer& layer = layers_[static_cast<std::size_t>(index)];
    if (layer.sparse) return;
    const float* const block = layer.first ? buffers.gradient(0) : buffers.activation(l);
    const std::int64_t stride = buffers.stride(layer.first ? 1 : l);
    LiveColumns& live = live_[static_cast<std::size_t>(index)];
    live.find(kernels_, block, stride, batch_, layer.master_shape.columns, true);
    if (!live.few()) return live.take_all(layer.master_shape.columns);
    const std::int64_t width = layer.master_shape.width;
    for (std::int64_t first = 0; first < live.count(); first += width)
      gather_columns(block, stride, batch_, live.part(first, width),
                     buffers.packed(l, first / width), width);
  });
}

void WeightPass::run(std::int64_t index, int worker, BatchBuffers& buffers,
                     const AdamStep& scalars) {
  const Item& item = items_[static_cast<std::size_t>(index)];
  Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
  switch (item.work) {
    case Work::dense:
      return dense(item, scratch, buffers, scalars);
    case Work::sparse:
      return sparse(item, scratch, buffers, scalars);
    case Work::bias:
      return bias(item, scratch.gradient.data(), buffers, scalars);
  }
}

const float* WeightPass::broadcast_operand(int l, BatchBuffers& buffers) const {
  return l == 0 ? buffers.operand(0) : buffers.gradient(l);
}

std::int64_t WeightPass::broadcast_stride(int l, BatchBuffers& buffers) const {
  return buffers.stride(l == 0 ? 0 : l + 1);
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
  scratch.live.find(kernels_, broadcast_operand(item.layer, buffers) + item.first,
                    broadcast_stride(item.layer, buffers), batch_, item.count, skip_zeros_);
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  if (skip_zeros_ && (scratch.live.few() || live_[static_cast<std::size_t>(item.layer)].few()))
    dense_few(item, scratch, buffers, scalars);
  else
    dense_all(item, scratch, buffers, scalars);
  if (!layer.first) layer.transpose_rows(item.first, item.count, kernels_);
}

void WeightPass::dense_all(const Item& item, Scratch& scratch, BatchBuffers& buffers,
                           const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  const PanelShape& shape = layer.master_shape;
  const float* const rows_of = broadcast_operand(item.layer, buffers);
  const std::int64_t rows_stride = broadcast_stride(item.layer, buffers);
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
      args.c = scratch.gradient.data() + panel * panel_gradient;
      args.c_stride = shape.width;
      args.accumulate = image > 0;
      kernels_.product(args);
      if (image + images == batch_) update(layer, panel, item.first, item.count, args.c, scalars);
    }
  }
}

void WeightPass::dense_few(const Item& item, Scratch& scratch, BatchBuffers& buffers,
                           const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  const PanelShape& shape = layer.master_shape;
  const LiveColumns& columns = live_[static_cast<std::size_t>(item.layer)];
  const auto rows = scratch.live.list();
  const std::int64_t row_count = scratch.live.count();
  const std::int64_t panel_gradient = row_count * shape.width;
  for (std::int64_t image = 0; image < batch_; image += block_images) {
    const std::int64_t images = std::min(block_images, batch_ - image);
    const std::int64_t stride = broadcast_stride(item.layer, buffers);
    gather_columns(broadcast_operand(item.layer, buffers) + image * stride + item.first, stride,
                   images, rows, scratch.operand.data(), row_count);
    for (std::int64_t first = 0; first < columns.count(); first += shape.width) {
      const std::int64_t panel = first / shape.width;
      ProductArgs args;
      args.a = scratch.operand.data();
      args.a_stride = row_count;
      args.k_contiguous = false;
      args.rows = row_count;
      args.depth = images;
      args.columns = std::min(shape.width, columns.count() - first);
      args.panel = buffers.packed(item.layer, panel, image);  // of all columns where not few
      args.c = scratch.gradient.data() + panel * panel_gradient;
      args.c_stride = shape.width;
      args.accumulate = image > 0;
      kernels_.product(args);
    }
  }
  const auto list = columns.list();
  std::size_t next = 0;
  for (std::int64_t panel = 0; panel < shape.panels(); ++panel) {
    const std::size_t first = next;
    while (next < list.size() && list[next] < (panel + 1) * shape.width) ++next;
    const auto for_each_number = [&](auto&& body) {
      for (std::size_t i = first; i < next; ++i) {
        const auto column = static_cast<std::int64_t>(i);
        const float* from =
            scratch.gradient.data() + column / shape.width * panel_gradient + column % shape.width;
        float* const to = scratch.spread.data() + list[i] - panel * shape.width;
        for (std::size_t r = 0; r < rows.size(); ++r)
          body(to[rows[r] * shape.width], from[static_cast<std::int64_t>(r) * shape.width]);
      }
    };
    for_each_number([](float& to, float from) { to = from; });
    update(layer, panel, item.first, item.count, scratch.spread.data(), scalars);
    for_each_number([](float& to, float) { to = 0.0F; });
  }
}

void WeightPass::sparse(const Item& item, Scratch& scratch, BatchBuffers& buffers,
                        const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  const PanelShape& shape = layer.master_shape;
  const float* columns_of = buffers.gradient(0) + item.first * shape.width;
  std::int64_t stride = buffers.stride(1);
  std::int64_t columns = shape.columns_of(item.first);
  std::int64_t width = shape.width;
  LiveColumns& live = scratch.live;
  live.find(kernels_, columns_of, stride, batch_, columns, skip_zeros_);
  const bool few = live.few();
  if (few) {
    columns = live.count();
    width = (columns + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
    gather_columns(columns_of, stride, batch_, live.list(), scratch.operand.data(), width);
    columns_of = scratch.operand.data();
    stride = width;
  }
  const std::int64_t row_step = one_block_ ? item_rows : shape.depth;
  const std::int64_t chunks_of_block =
      one_block_ ? buffers.chunks()
                 : std::max<std::int64_t>(1, block_images / buffers.chunk_rows());
  float* const gradient = scratch.gradient.data();
  for (std::int64_t chunk = 0; chunk < buffers.chunks(); chunk += chunks_of_block) {
    const std::int64_t chunk_end = std::min(chunk + chunks_of_block, buffers.chunks());
    for (std::int64_t row = 0; row < shape.depth; row += row_step) {
      const std::int64_t rows = std::min(row_step, shape.depth - row);
      if (one_block_)
        fetch_parameters(layer, item.first * shape.panel_size() + row * shape.width,
                         rows * shape.width);
      for (std::int64_t part = chunk; part < chunk_end && columns > 0; ++part) {
        const LitPixels& lit = buffers.lit(part);
        for (std::int64_t i = 0; i < rows; ++i) {
          SparseRowArgs args;
          args.lit = lit.images_of(row + i);
          args.rows_of = columns_of;
          args.stride = stride;
          args.columns = columns;
          args.c = gradient + i * width;
          args.accumulate = part > 0;
          kernels_.sparse_row(args);
        }
      }
      if (chunk_end < buffers.chunks()) continue;
      if (!few) {
        update(layer, item.first, row, rows, gradient, scalars);
        continue;
      }
      float* const spread = scratch.spread.data();
      scatter_columns(gradient, width, rows, live.list(), spread, shape.width);
      update(layer, item.first, row, rows, spread, scalars);
      for (std::int64_t i = 0; i < rows; ++i)
        for (const std::uint32_t column : live.list()) spread[i * shape.width + column] = 0.0F;
    }
  }
}

void WeightPass::bias(const Item& item, float* gradient, BatchBuffers& buffers,
                      const AdamStep& scalars) {
  Layer& layer = layers_[static_cast<std::size_t>(item.layer)];
  ColumnSumArgs args;
  args.z = buffers.rounded() ? buffers.exact_sums(item.layer, 0) : buffers.gradient(item.layer);
  args.stride = buffers.stride(item.layer + 1);
  args.rows = buffers.rounded() ? buffers.chunks() : batch_;
  args.columns = layer.slot.out;
  args.sums = gradient;
  kernels_.column_sum(args);
  kernels_.adam({layer.bias.data(), layer.bias_first_moment.data(), layer.bias_second_moment.data(),
                 gradient, layer.slot.out, scalars});
}

}  // namespace hourglass::cpu
