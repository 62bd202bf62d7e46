// Mean and covariance of a set of images, from sums over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hourglass/images.h"

namespace hourglass {

struct Moments {
  std::vector<double> mean;        // (width)
  std::vector<double> covariance;  // (width, width), symmetric
};

/// So many images may be summed in single precision at a time: products of two pixels that are
/// whole numbers up to 255 then have sums below 2^24, exact in any order. Sums over such blocks are
/// in double. So the moments of u8 images are the same bits wherever they are computed; those of
/// f32 images carry the rounding of sums of that length.
inline constexpr std::int64_t exact_sum_images = 258;
static_assert(exact_sum_images * 255 * 255 < 1 << 24);

/// Moments of `images` (of which only type, count and width matter here) from sums over their
/// pixels as they are held, whole numbers up to 255 for u8: `total(i)` of pixel i, `product(i, j)`
/// of pixel i times pixel j, asked for i <= j.
template <typename Total, typename Product>
[[nodiscard]] Moments moments_of_sums(const Images& images, Total&& total, Product&& product) {
  const std::int64_t width = images.width();
  const double scale = images.type == PixelType::u8 ? 1.0 / 255.0 : 1.0;
  const auto count = static_cast<double>(images.count);
  const auto at = [](std::int64_t index) { return static_cast<std::size_t>(index); };
  Moments moments;
  moments.mean.resize(at(width));
  for (std::int64_t i = 0; i < width; ++i) moments.mean[at(i)] = total(i) / count * scale;
  moments.covariance.resize(at(width * width));
  for (std::int64_t j = 0; j < width; ++j) {
    for (std::int64_t i = 0; i <= j; ++i) {
      const double value =
          product(i, j) / count * scale * scale - moments.mean[at(i)] * moments.mean[at(j)];
      moments.covariance[at(i * width + j)] = value;
      moments.covariance[at(j * width + i)] = value;
    }
  }
  return moments;
}

}  // namespace hourglass
