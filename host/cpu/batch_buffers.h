// All that a batch of images leaves behind on its way through the network.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/kernels.h"
#include "hourglass/images.h"
#include "hourglass/network_spec.h"

namespace hourglass::cpu {

/// A chunk's lit pixels in both orders: by image for the forward product, by pixel for the weight
/// gradient.
struct LitPixels {
  /// Pixels that are one segment of an image: their rows of a wide panel of weights (24 KB on AVX2)
  /// stay in the first-level cache while all images of the chunk pass over them.
  static constexpr std::int64_t segment_pixels = 96;

  std::vector<Lit> by_image;                // index = pixel
  std::vector<std::uint32_t> segment_ends;  // (rows * segments + 1)
  std::vector<Lit> by_pixel;                // index = row of the batch
  std::vector<std::uint32_t> pixel_ends;    // (width + 2): pixel p is [ends[p], ends[p + 1])

  [[nodiscard]] std::span<const Lit> pixels_of(std::int64_t segment_of_chunk) const {
    return between(by_image, segment_ends, segment_of_chunk);
  }
  [[nodiscard]] std::span<const Lit> images_of(std::int64_t pixel) const {
    return between(by_pixel, pixel_ends, pixel);
  }

 private:
  static std::span<const Lit> between(const std::vector<Lit>& lit,
                                      const std::vector<std::uint32_t>& ends, std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    return {lit.data() + ends[i], lit.data() + ends[i + 1]};
  }
};

/// Largest magnitude bits of every layer's output and gradient, by chunk.
struct Magnitudes {
  std::vector<std::uint32_t> output;    // (layers)
  std::vector<std::uint32_t> gradient;  // (layers)
};

/// Rows of a chunk at most: few enough for a chunk's activations to stay in a second-level cache of
/// 512 KB (78 rows of 784 floats are 245 KB), many enough that streaming all weights once a chunk
/// does not count. A multiple of 6, the rows of AVX2's tile.
inline constexpr std::int64_t max_chunk_rows = 78;

/// Rows of a chunk, and thereby the number of chunks, of a batch of `rows` images.
[[nodiscard]] std::int64_t chunk_rows_of(std::int64_t rows);

/// All that a batch leaves behind for the weight pass.
class BatchBuffers {
 public:
  /// `training` also makes room for gradients and slopes; `rounded` for what bf16 rounds away.
  BatchBuffers(const NetworkSpec& network, const Kernels& kernels, std::int64_t rows, bool training,
               bool rounded = false);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t chunk_rows() const { return chunk_rows_; }
  [[nodiscard]] std::int64_t chunks() const { return (rows_ + chunk_rows_ - 1) / chunk_rows_; }

  /// `a_l` (rows, width of layer l's output), l = 0: the input.
  [[nodiscard]] float* activation(int l, std::int64_t row = 0) {
    return activations_[static_cast<std::size_t>(l)].data() + row * stride(l);
  }
  /// `a_l` as products read it: `activation(l)` itself, but a rounded copy of the input.
  [[nodiscard]] float* operand(int l, std::int64_t row = 0) {
    return l == 0 && rounded() ? rounded_input_.data() + row * stride(0) : activation(l, row);
  }
  [[nodiscard]] bool rounded() const { return rounded_input_.size() > 0; }
  /// `dz` of layer l (rows, out).
  [[nodiscard]] float* gradient(int l, std::int64_t row = 0) {
    return gradients_[static_cast<std::size_t>(l)].data() + row * stride(l + 1);
  }
  /// Where gradients are rounded: sums by column (out) of a chunk's dz before that.
  [[nodiscard]] float* exact_sums(int l, std::int64_t chunk) {
    return exact_sums_[static_cast<std::size_t>(l)].data() + chunk * stride(l + 1);
  }
  /// act'(z) of layer l where its activation keeps it, else null.
  [[nodiscard]] float* slope(int l, std::int64_t row = 0) {
    auto& slopes = slopes_[static_cast<std::size_t>(l)];
    return slopes.size() == 0 ? nullptr : slopes.data() + row * stride(l + 1);
  }
  /// A second copy of a_l (l >= 1, training) cut into panels: (panels, rows, panel_width), as
  /// weight gradients read it. Of l = 0: dz of layer 0, for a dense first layer.
  /// WeightPass::prepare puts the live columns side by side at its front where they are few.
  [[nodiscard]] float* packed(int l, std::int64_t panel, std::int64_t row = 0) {
    return packed_[static_cast<std::size_t>(l)].data() + (panel * rows_ + row) * panel_width_;
  }
  [[nodiscard]] std::int64_t stride(int l) const { return strides_[static_cast<std::size_t>(l)]; }
  [[nodiscard]] float* row_loss(std::int64_t row) { return row_loss_.data() + row * lanes_; }
  [[nodiscard]] bool training() const { return !packed_.empty(); }
  [[nodiscard]] int lanes() const { return lanes_; }
  [[nodiscard]] LitPixels& lit(std::int64_t chunk) { return lit_[static_cast<std::size_t>(chunk)]; }
  [[nodiscard]] Magnitudes& magnitudes(std::int64_t chunk) {
    return magnitudes_[static_cast<std::size_t>(chunk)];
  }

 private:
  std::int64_t rows_;
  std::int64_t chunk_rows_;
  int lanes_;
  std::int64_t panel_width_;
  std::vector<std::int64_t> strides_;
  std::vector<AlignedBuffer<float>> activations_;
  AlignedBuffer<float> rounded_input_;  // empty where the input is not rounded
  std::vector<AlignedBuffer<float>> gradients_;
  std::vector<AlignedBuffer<float>> exact_sums_;
  std::vector<AlignedBuffer<float>> slopes_;
  std::vector<AlignedBuffer<float>> packed_;
  AlignedBuffer<float> row_loss_;
  std::vector<LitPixels> lit_;
  std::vector<Magnitudes> magnitudes_;
};

/// Image `index` of `images` as floats, x / 255 for u8 pixels.
void gather(const Images& images, std::int64_t index, const Kernels& kernels, float* out);

}  // namespace hourglass::cpu
