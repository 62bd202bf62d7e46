#include "cpu/batch_buffers.h"

#include <cstring>

#include "cpu/layer.h"

namespace hourglass::cpu {
std::int64_t chunk_rows_of(std::int64_t rows) {
  const std::int64_t count = (rows + max_chunk_rows - 1) / max_chunk_rows;
  // An even number of chunks where there is more than one row to share between two threads.
  const std::int64_t even = rows > 1 ? (count + 1) / 2 * 2 : 1;
  return (rows + even - 1) / even;
}

BatchBuffers::BatchBuffers(const NetworkSpec& network, const Kernels& kernels, std::int64_t rows,
                           bool training, bool rounded)
    : rows_(rows),
      chunk_rows_(chunk_rows_of(rows)),
      lanes_(kernels.lanes),
      panel_width_(kernels.panel_width) {
  const auto buffer = [&](std::int64_t stride) {
    return AlignedBuffer<float>(static_cast<std::size_t>(rows * stride));
  };
  strides_.push_back(row_stride(network.input_width()));
  activations_.push_back(buffer(strides_.back()));
  if (rounded) rounded_input_ = buffer(strides_.back());
  for (std::size_t l = 0; l < network.activations.size(); ++l) {
    // Products store whole panels beyond the last column.
    const std::int64_t panel = kernels.panel_width;
    strides_.push_back(row_stride((network.widths[l + 1] + panel - 1) / panel * panel));
    const std::int64_t stride = strides_.back();
    const bool output = l + 1 == network.activations.size();
    const bool keeps_slope = kernels.keeps_slope[static_cast<std::size_t>(network.activations[l])];
    activations_.push_back(training && output ? AlignedBuffer<float>() : buffer(stride));
    gradients_.push_back(training ? buffer(stride) : AlignedBuffer<float>());
    if (training && rounded) exact_sums_.emplace_back(static_cast<std::size_t>(chunks() * stride));
    slopes_.push_back(training && keeps_slope && !output ? buffer(stride) : AlignedBuffer<float>());
  }
  for (std::size_t l = 0; training && l < network.activations.size(); ++l) {
    const std::int64_t width = l == 0 ? network.widths[1] : network.widths[l];
    packed_.push_back(buffer((width + panel_width_ - 1) / panel_width_ * panel_width_));
  }
  row_loss_ = AlignedBuffer<float>(static_cast<std::size_t>(rows * lanes_));
  lit_.resize(static_cast<std::size_t>(chunks()));
  magnitudes_.resize(static_cast<std::size_t>(chunks()));
  for (Magnitudes& magnitudes : magnitudes_) {
    magnitudes.output.resize(network.activations.size());
    magnitudes.gradient.resize(network.activations.size());
  }
}

void gather(const Images& images, std::int64_t index, const Kernels& kernels, float* out) {
  const std::int64_t width = images.width();
  if (images.type == PixelType::f32)
    std::memcpy(out, images.row(index), static_cast<std::size_t>(width) * sizeof(float));
  else
    kernels.scale_pixels(reinterpret_cast<const std::uint8_t*>(images.row(index)), width, out);
}

}  // namespace hourglass::cpu
