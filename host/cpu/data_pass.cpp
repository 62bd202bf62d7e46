#include "cpu/data_pass.h"

#include <algorithm>
#include <cstring>

namespace hourglass::cpu {
namespace {

std::int64_t segments_of(std::int64_t width) {
  return (width + LitPixels::segment_pixels - 1) / LitPixels::segment_pixels;
}

}  // namespace

void DataPass::list_lit_pixels(BatchBuffers& buffers, const Rows& rows, bool by_pixel) const {
  LitPixels& lit = buffers.lit(rows.chunk);
  const std::int64_t width = layers_.front().slot.in;
  // One more than can be lit: the kernel writes before it knows.
  lit.by_image.resize(static_cast<std::size_t>((rows.last - rows.first) * width + 1));
  lit.segment_ends.assign(1, 0);
  std::int64_t count = 0;
  for (std::int64_t row = rows.first; row < rows.last; ++row) {
    const float* x = buffers.activation(0, row);
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

void DataPass::layer_product(BatchBuffers& buffers, const Rows& rows, int l, std::int64_t panel,
                             float* output, std::int64_t stride) const {
  const Layer& layer = layers_[static_cast<std::size_t>(l)];
  const std::int64_t columns = layer.forward_shape.columns_of(panel);
  if (layer.sparse) {
    const LitPixels& lit = buffers.lit(rows.chunk);
    const std::int64_t segments = segments_of(layer.slot.in);
    SparseRowArgs args;
    args.rows_of = layer.forward_panel(panel);
    args.stride = layer.forward_shape.width;
    args.columns = columns;
    for (std::int64_t segment = 0; segment < segments; ++segment) {
      args.accumulate = segment > 0;
      for (std::int64_t row = 0; row < rows.last - rows.first; ++row) {
        args.lit = lit.pixels_of(row * segments + segment);
        args.c = output + row * stride;
        kernels_.sparse_row(args);
      }
    }
    return;
  }
  ProductArgs args;
  args.a = buffers.activation(l, rows.first);
  args.a_stride = buffers.stride(l);
  args.rows = rows.last - rows.first;
  args.depth = layer.slot.in;
  args.columns = columns;
  args.panel = layer.forward_panel(panel);
  args.c = output;
  args.c_stride = stride;
  if (panel + 1 < layer.forward_shape.panels()) args.next_panel = layer.forward_panel(panel + 1);
  kernels_.product(args);
}

void DataPass::pack(BatchBuffers& buffers, const Rows& rows, int l, std::int64_t first_column,
                    std::int64_t columns) const {
  const std::int64_t width = kernels_.panel_width;
  for (std::int64_t column = first_column; column < first_column + columns; column += width)
    for (std::int64_t row = rows.first; row < rows.last; ++row)
      std::memcpy(buffers.packed(l, column / width, row), buffers.activation(l, row) + column,
                  static_cast<std::size_t>(width) * sizeof(float));
}

void DataPass::forward(BatchBuffers& buffers, const Rows& rows, int begin, int end) const {
  for (int l = begin; l < end; ++l) {
    const Layer& layer = layers_[static_cast<std::size_t>(l)];
    const std::int64_t stride = buffers.stride(l + 1);
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
      if (buffers.training() && !layer.sparse)
        args.packed = buffers.packed(l + 1, panel, rows.first);
      layer_product(buffers, rows, l, panel, args.z, stride);
      kernels_.activate[index_of(layer.activation)](args);
      if (buffers.training() && layer.sparse) pack(buffers, rows, l + 1, column, args.columns);
    }
    buffers.magnitudes(rows.chunk).output[static_cast<std::size_t>(l)] = magnitude;
  }
}

void DataPass::output_and_loss(BatchBuffers& buffers, const Rows& rows, float scale) const {
  const int l = static_cast<int>(layers_.size()) - 1;
  const Layer& layer = layers_.back();
  const std::int64_t stride = buffers.stride(l + 1);
  std::fill_n(buffers.row_loss(rows.first), (rows.last - rows.first) * buffers.lanes(), 0.0F);
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
    layer_product(buffers, rows, l, panel, args.z, stride);
    kernels_.loss[index_of(layer.activation)](args);
  }
  Magnitudes& magnitudes = buffers.magnitudes(rows.chunk);
  magnitudes.output.back() = output_magnitude;
  magnitudes.gradient.back() = gradient_magnitude;
}

void DataPass::backward(BatchBuffers& buffers, const Rows& rows) const {
  for (int l = static_cast<int>(layers_.size()) - 1; l > 0; --l) {
    const Layer& layer = layers_[static_cast<std::size_t>(l)];
    const Layer& below = layers_[static_cast<std::size_t>(l - 1)];
    const std::int64_t stride = buffers.stride(l);
    const float* slope = buffers.slope(l - 1, rows.first);
    const float* kept = slope != nullptr ? slope : buffers.activation(l, rows.first);
    std::uint32_t magnitude = 0;
    for (std::int64_t panel = 0; panel < layer.master_shape.panels(); ++panel) {
      const std::int64_t column = panel * layer.master_shape.width;
      ProductArgs product;
      product.a = buffers.gradient(l, rows.first);
      product.a_stride = buffers.stride(l + 1);
      product.rows = rows.last - rows.first;
      product.depth = layer.slot.out;
      product.columns = layer.master_shape.columns_of(panel);
      product.panel = layer.weights.data() + panel * layer.master_shape.panel_size();
      product.c = buffers.gradient(l - 1, rows.first) + column;
      product.c_stride = stride;
      if (panel + 1 < layer.master_shape.panels())
        product.next_panel = product.panel + layer.master_shape.panel_size();
      kernels_.product(product);

      BackwardArgs args;
      args.da = product.c;
      args.stride = stride;
      args.rows = product.rows;
      args.columns = product.columns;
      args.kept = kept + column;
      args.kept_stride = stride;
      args.magnitude = &magnitude;
      if (l == 1 && !below.sparse) args.packed = buffers.packed(0, panel, rows.first);
      kernels_.backward[index_of(below.activation)](args);
    }
    buffers.magnitudes(rows.chunk).gradient[static_cast<std::size_t>(l - 1)] = magnitude;
  }
}

}  // namespace hourglass::cpu
