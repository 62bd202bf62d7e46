#include "cpu/data_pass.h"

#include <algorithm>
#include <cstring>

namespace hourglass::cpu {
namespace {

std::int64_t segments_of(std::int64_t width) {
  return (width + LitPixels::segment_pixels - 1) / LitPixels::segment_pixels;
}

/// Zeros for the sums of a chunk's dz by column; null in single precision.
float* cleared_sums(BatchBuffers& buffers, int l, std::int64_t chunk) {
  if (!buffers.rounded()) return nullptr;
  float* const sums = buffers.exact_sums(l, chunk);
  std::fill_n(sums, buffers.stride(l + 1), 0.0F);
  return sums;
}

}  // namespace

DataPass::DataPass(const std::vector<Layer>& layers, const Kernels& kernels, Precision precision,
                   bool skip_zeros, int workers)
    : layers_(layers),
      kernels_(kernels),
      bf16_(precision == Precision::bf16),
      skip_zeros_(skip_zeros),
      scratch_(static_cast<std::size_t>(workers)) {
  std::int64_t widest = 0;
  for (const Layer& layer : layers) widest = std::max({widest, layer.slot.in, layer.slot.out});
  const auto floats = [](std::int64_t count) {
    return AlignedBuffer<float>(static_cast<std::size_t>(count));
  };
  const std::int64_t panel_width =
      bf16_ && layers.front().sparse ? kernels.wide_panel_width : kernels.panel_width;
  for (Scratch& scratch : scratch_) {
    if (skip_zeros || bf16_) scratch.panel = floats(widest * panel_width);
    if (!skip_zeros) continue;
    scratch.rows = floats(max_chunk_rows * row_stride(widest));
    scratch.result = floats(max_chunk_rows * kernels.panel_width);
  }
}

void DataPass::round_input(BatchBuffers& buffers, const Rows& rows, int layer) const {
  if (!bf16_) return;
  const float* const from = buffers.activation(layer, rows.first);
  float* const to = buffers.operand(layer, rows.first);
  kernels_.round_to_bf16(from, rows.count() * buffers.stride(layer), to);
}

void DataPass::list_lit_pixels(BatchBuffers& buffers, const Rows& rows, bool by_pixel) const {
  LitPixels& lit = buffers.lit(rows.chunk);
  const std::int64_t width = layers_.front().slot.in;
  // One more than can be lit: the kernel writes before it knows.
  lit.by_image.resize(static_cast<std::size_t>((rows.last - rows.first) * width + 1));
  lit.segment_ends.assign(1, 0);
  std::int64_t count = 0;
  for (std::int64_t row = rows.first; row < rows.last; ++row) {
    const float* x = buffers.operand(0, row);
    for (std::int64_t i = 0; i < width; i += LitPixels::segment_pixels) {
      count += kernels_.list_lit(x, i, std::min(i + LitPixels::segment_pixels, width),
                                 lit.by_image.data() + count);
      lit.segment_ends.push_back(static_cast<std::uint32_t>(count));
    }
  }
  if (!by_pixel) return;

  // A counting sort by pixel; rows stay in ascending order.
  lit.pixel_ends.assign(static_cast<std::size_t>(width) + 2, 0);
  const auto lit_count = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < lit_count; ++i) ++lit.pixel_ends[lit.by_image[i].index + 2];
  for (std::size_t i = 2; i < lit.pixel_ends.size(); ++i)
    lit.pixel_ends[i] += lit.pixel_ends[i - 1];
  lit.by_pixel.resize(lit_count + 1);
  const std::int64_t segments = segments_of(width);
  for (std::int64_t row = rows.first; row < rows.last; ++row) {
    const auto image = static_cast<std::size_t>((row - rows.first) * segments);
    const auto next = image + static_cast<std::size_t>(segments);
    for (std::uint32_t i = lit.segment_ends[image]; i < lit.segment_ends[next]; ++i) {
      const Lit& pixel = lit.by_image[i];
      lit.by_pixel[lit.pixel_ends[pixel.index + 1]++] = {static_cast<std::uint32_t>(row),
                                                         pixel.value};
    }
  }
}

DataPass::Operand DataPass::operand(const float* data, std::int64_t stride, const Rows& rows,
                                    std::int64_t width) {
  Scratch& scratch = scratch_[static_cast<std::size_t>(rows.worker)];
  scratch.depth.find(kernels_, data, stride, rows.count(), width, skip_zeros_);
  if (!scratch.depth.few()) return {data, stride, width, false};
  const std::int64_t few_stride = row_stride(scratch.depth.count());
  gather_columns(data, stride, rows.count(), scratch.depth.list(), scratch.rows.data(), few_stride);
  return {scratch.rows.data(), few_stride, scratch.depth.count(), true};
}

const float* DataPass::panel_for(const Operand& a, const float* panel, bool rounded, int worker) {
  Scratch& scratch = scratch_[static_cast<std::size_t>(worker)];
  const std::int64_t width = kernels_.panel_width;
  const bool round = bf16_ && !rounded;
  float* target = scratch.panel.data();
  if (!a.few) {
    if (!round) return panel;
    kernels_.round_to_bf16(panel, a.depth * width, target);
    return target;
  }
  for (const std::uint32_t row : scratch.depth.list()) {
    std::memcpy(target, panel + row * width, static_cast<std::size_t>(width) * sizeof(float));
    target += width;
  }
  if (round) kernels_.round_to_bf16(scratch.panel.data(), a.depth * width, scratch.panel.data());
  return scratch.panel.data();
}

void DataPass::sparse_product(BatchBuffers& buffers, const Rows& rows, const Layer& layer,
                              std::int64_t panel, float* output, std::int64_t stride) {
  const LitPixels& lit = buffers.lit(rows.chunk);
  const std::int64_t segments = segments_of(layer.slot.in);
  SparseRowArgs args;
  args.rows_of = layer.forward_panel(panel);
  args.stride = layer.forward_shape.width;
  if (bf16_) {
    float* const rounded = scratch_[static_cast<std::size_t>(rows.worker)].panel.data();
    kernels_.round_to_bf16(args.rows_of, layer.forward_shape.panel_size(), rounded);
    args.rows_of = rounded;
  }
  args.columns = layer.forward_shape.columns_of(panel);
  for (std::int64_t segment = 0; segment < segments; ++segment) {
    args.accumulate = segment > 0;
    for (std::int64_t row = 0; row < rows.count(); ++row) {
      args.lit = lit.pixels_of(row * segments + segment);
      args.c = output + row * stride;
      kernels_.sparse_row(args);
    }
  }
}

void DataPass::layer_product(const Operand& a, const Rows& rows, const Layer& layer,
                             std::int64_t panel, float* output, std::int64_t stride) {
  ProductArgs args;
  args.a = a.data;
  args.a_stride = a.stride;
  args.rows = rows.count();
  args.depth = a.depth;
  args.columns = layer.forward_shape.columns_of(panel);
  args.panel = panel_for(a, layer.forward_panel(panel), !layer.first, rows.worker);
  args.c = output;
  args.c_stride = stride;
  if (!a.few && panel + 1 < layer.forward_shape.panels())
    args.next_panel = layer.forward_panel(panel + 1);
  kernels_.product(args);
}

void DataPass::input_gradient(const Operand& dz, const Rows& rows, const Layer& layer, float* da,
                              std::int64_t stride) {
  const PanelShape& shape = layer.master_shape;
  for (std::int64_t panel = 0; panel < shape.panels(); ++panel) {
    const float* const weights = layer.weights.data() + panel * shape.panel_size();
    ProductArgs args;
    args.a = dz.data;
    args.a_stride = dz.stride;
    args.rows = rows.count();
    args.depth = dz.depth;
    args.columns = shape.columns_of(panel);
    args.panel = panel_for(dz, weights, false, rows.worker);
    args.c = da + panel * shape.width;
    args.c_stride = stride;
    if (!dz.few && panel + 1 < shape.panels()) args.next_panel = weights + shape.panel_size();
    kernels_.product(args);
  }
}

void DataPass::input_gradient_of_live(const Operand& dz, const Rows& rows, const Layer& layer,
                                      float* da, std::int64_t stride) {
  Scratch& scratch = scratch_[static_cast<std::size_t>(rows.worker)];
  const PanelShape& shape = layer.master_shape;
  if (!dz.few) scratch.depth.take_all(dz.depth);
  for (std::int64_t first = 0; first < scratch.columns.count(); first += shape.width) {
    const auto columns = scratch.columns.part(first, shape.width);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const float* const weights = layer.weights.data() +
                                   columns[i] / shape.width * shape.panel_size() +
                                   columns[i] % shape.width;
      float* target = scratch.panel.data() + i;
      for (const std::uint32_t k : scratch.depth.list()) {
        *target = weights[k * shape.width];
        target += shape.width;
      }
    }
    if (bf16_)
      kernels_.round_to_bf16(scratch.panel.data(), dz.depth * shape.width, scratch.panel.data());
    ProductArgs args;
    args.a = dz.data;
    args.a_stride = dz.stride;
    args.rows = rows.count();
    args.depth = dz.depth;
    args.columns = static_cast<std::int64_t>(columns.size());
    args.panel = scratch.panel.data();
    args.c = scratch.result.data();
    args.c_stride = shape.width;
    kernels_.product(args);
    scatter_columns(scratch.result.data(), shape.width, rows.count(), columns, da, stride);
  }
}

void DataPass::pack(BatchBuffers& buffers, const Rows& rows, int l, std::int64_t first_column,
                    std::int64_t columns) const {
  const std::int64_t width = kernels_.panel_width;
  for (std::int64_t column = first_column; column < first_column + columns; column += width)
    for (std::int64_t row = rows.first; row < rows.last; ++row)
      std::memcpy(buffers.packed(l, column / width, row), buffers.activation(l, row) + column,
                  static_cast<std::size_t>(width) * sizeof(float));
}

void DataPass::forward(BatchBuffers& buffers, const Rows& rows, int begin, int end) {
  for (int l = begin; l < end; ++l) {
    const Layer& layer = layers_[static_cast<std::size_t>(l)];
    const std::int64_t stride = buffers.stride(l + 1);
    Operand input;
    if (!layer.sparse)
      input = operand(buffers.operand(l, rows.first), buffers.stride(l), rows, layer.slot.in);
    std::uint32_t magnitude = 0;
    for (std::int64_t panel = 0; panel < layer.forward_shape.panels(); ++panel) {
      const std::int64_t column = panel * layer.forward_shape.width;
      ActivateArgs args;
      args.z = buffers.activation(l + 1, rows.first) + column;
      args.stride = stride;
      args.rows = rows.last - rows.first;
      args.columns = layer.forward_shape.columns_of(panel);
      args.bias = layer.bias.data() + column;
      float* slope = buffers.slope(l, rows.first);
      args.slope = slope == nullptr ? nullptr : slope + column;
      args.magnitude = &magnitude;
      args.bf16 = bf16_ && &layer != &layers_.back();
      if (buffers.training() && !layer.sparse)
        args.packed = buffers.packed(l + 1, panel, rows.first);
      if (layer.sparse)
        sparse_product(buffers, rows, layer, panel, args.z, stride);
      else
        layer_product(input, rows, layer, panel, args.z, stride);
      kernels_.activate[index_of(layer.activation)](args);
      if (buffers.training() && layer.sparse) pack(buffers, rows, l + 1, column, args.columns);
    }
    buffers.magnitudes(rows.chunk).output[static_cast<std::size_t>(l)] = magnitude;
  }
}

void DataPass::output_and_loss(BatchBuffers& buffers, const Rows& rows, float scale) {
  const int l = static_cast<int>(layers_.size()) - 1;
  const Layer& layer = layers_.back();
  const std::int64_t stride = buffers.stride(l + 1);
  Operand input;
  if (!layer.sparse)
    input = operand(buffers.operand(l, rows.first), buffers.stride(l), rows, layer.slot.in);
  std::fill_n(buffers.row_loss(rows.first), (rows.last - rows.first) * buffers.lanes(), 0.0F);
  float* const exact_sums = cleared_sums(buffers, l, rows.chunk);
  std::uint32_t output_magnitude = 0;
  std::uint32_t gradient_magnitude = 0;
  for (std::int64_t panel = 0; panel < layer.forward_shape.panels(); ++panel) {
    const std::int64_t column = panel * layer.forward_shape.width;
    LossArgs args;
    args.z = buffers.gradient(l, rows.first) + column;
    args.stride = stride;
    args.rows = rows.last - rows.first;
    args.columns = layer.forward_shape.columns_of(panel);
    args.bias = layer.bias.data() + column;
    args.target = buffers.activation(0, rows.first) + column;
    args.target_stride = buffers.stride(0);
    args.scale = scale;
    args.row_loss = buffers.row_loss(rows.first);
    args.output_magnitude = &output_magnitude;
    args.gradient_magnitude = &gradient_magnitude;
    if (exact_sums != nullptr) args.exact_sums = exact_sums + column;
    if (layer.sparse)
      sparse_product(buffers, rows, layer, panel, args.z, stride);
    else
      layer_product(input, rows, layer, panel, args.z, stride);
    kernels_.loss[index_of(layer.activation)](args);
  }
  Magnitudes& magnitudes = buffers.magnitudes(rows.chunk);
  magnitudes.output.back() = output_magnitude;
  magnitudes.gradient.back() = gradient_magnitude;
}

void DataPass::backward(BatchBuffers& buffers, const Rows& rows) {
  for (int l = static_cast<int>(layers_.size()) - 1; l > 0; --l) {
    const Layer& layer = layers_[static_cast<std::size_t>(l)];
    const Layer& below = layers_[static_cast<std::size_t>(l - 1)];
    const std::int64_t stride = buffers.stride(l);
    const float* slope = buffers.slope(l - 1, rows.first);
    const float* kept = slope != nullptr ? slope : buffers.activation(l, rows.first);
    float* const da = buffers.gradient(l - 1, rows.first);
    const Operand dz =
        operand(buffers.gradient(l, rows.first), buffers.stride(l + 1), rows, layer.slot.out);
    LiveColumns& columns = scratch_[static_cast<std::size_t>(rows.worker)].columns;
    columns.find(kernels_, kept, stride, rows.count(), layer.slot.in,
                 skip_zeros_ && kernels_.flat_at_zero[index_of(below.activation)]);
    if (columns.few())
      input_gradient_of_live(dz, rows, layer, da, stride);
    else
      input_gradient(dz, rows, layer, da, stride);

    float* const exact_sums = cleared_sums(buffers, l - 1, rows.chunk);
    std::uint32_t magnitude = 0;
    for (std::int64_t panel = 0; panel < layer.master_shape.panels(); ++panel) {
      const std::int64_t column = panel * layer.master_shape.width;
      BackwardArgs args;
      args.da = da + column;
      args.stride = stride;
      args.rows = rows.count();
      args.columns = layer.master_shape.columns_of(panel);
      args.kept = kept + column;
      args.kept_stride = stride;
      args.magnitude = &magnitude;
      if (exact_sums != nullptr) args.exact_sums = exact_sums + column;
      if (l == 1 && !below.sparse) args.packed = buffers.packed(0, panel, rows.first);
      kernels_.backward[index_of(below.activation)](args);
    }
    buffers.magnitudes(rows.chunk).gradient[static_cast<std::size_t>(l - 1)] = magnitude;
  }
}

}  // namespace hourglass::cpu
