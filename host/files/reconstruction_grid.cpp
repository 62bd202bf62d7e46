#include <algorithm>
#include <cmath>

#include "files/pixel.h"
#include "hourglass/picture.h"

namespace hourglass {
namespace {

constexpr std::int64_t grid_images_across = 20;
constexpr std::int64_t pleasant_side = 84;  // pixels an image is enlarged to
constexpr std::int64_t gap = 2;
constexpr std::int64_t block_gap = 10;
constexpr std::uint8_t background = 64;

/// A picture with images pasted into it.
class Sheet {
 public:
  Sheet(std::int64_t rows, std::int64_t cols, std::int64_t scale)
      : picture_{rows, cols, 1,
                 std::vector<std::uint8_t>(static_cast<std::size_t>(rows * cols), background)},
        scale_(scale) {}

  /// `value(r, c)` is a pixel in [0, 1] of a rows x cols image.
  template <typename Value>
  void paste(std::int64_t top, std::int64_t left, std::int64_t rows, std::int64_t cols,
             Value&& value) {
    for (std::int64_t r = 0; r < rows * scale_; ++r)
      for (std::int64_t c = 0; c < cols * scale_; ++c)
        picture_.pixels[static_cast<std::size_t>((top + r) * picture_.cols + left + c)] =
            static_cast<std::uint8_t>(std::lround(value(r / scale_, c / scale_) * 255));
  }

  Picture take() { return std::move(picture_); }

 private:
  Picture picture_;
  std::int64_t scale_;
};

}  // namespace

Picture reconstruction_grid(const float* originals, const float* reconstructions,
                            std::int64_t count, std::int64_t rows, std::int64_t cols) {
  const std::int64_t scale = std::max<std::int64_t>(1, pleasant_side / std::max(rows, cols));
  const std::int64_t across = std::clamp<std::int64_t>(count, 1, grid_images_across);
  const std::int64_t blocks = std::max<std::int64_t>(1, (count + across - 1) / across);
  const std::int64_t cell_rows = rows * scale + gap;
  const std::int64_t cell_cols = cols * scale + gap;
  const std::int64_t block_rows = 3 * cell_rows + block_gap;
  Sheet sheet(blocks * block_rows - block_gap + gap, across * cell_cols + gap, scale);
  for (std::int64_t i = 0; i < count; ++i) {
    const float* original = originals + i * rows * cols;
    const float* reconstruction = reconstructions + i * rows * cols;
    const std::int64_t top = i / across * block_rows + gap;
    const std::int64_t left = i % across * cell_cols + gap;
    const auto before = [&](std::int64_t r, std::int64_t c) {
      return clip(original[r * cols + c]);
    };
    const auto after = [&](std::int64_t r, std::int64_t c) {
      return clip(reconstruction[r * cols + c]);
    };
    sheet.paste(top, left, rows, cols, before);
    sheet.paste(top + cell_rows, left, rows, cols, after);
    sheet.paste(top + 2 * cell_rows, left, rows, cols, [&](std::int64_t r, std::int64_t c) {
      return std::abs(before(r, c) - after(r, c));
    });
  }
  return sheet.take();
}

}  // namespace hourglass
