#include <algorithm>
#include <array>

#include "hourglass/data.h"

namespace hourglass {
namespace {

struct Sums {
  double min = 0.0;
  double max = 0.0;
  double sum = 0.0;
  std::int64_t zeros = 0;
};

Sums sums_of_bytes(std::span<const std::byte> pixels) {
  std::array<std::int64_t, 256> counts{};
  for (const std::byte pixel : pixels) ++counts[std::to_integer<std::size_t>(pixel)];
  Sums sums;
  sums.zeros = counts[0];
  const auto used = [](std::int64_t count) { return count > 0; };
  sums.min = static_cast<double>(std::find_if(counts.begin(), counts.end(), used) - counts.begin());
  sums.max =
      static_cast<double>(counts.rend() - std::find_if(counts.rbegin(), counts.rend(), used) - 1);
  for (std::size_t value = 0; value < counts.size(); ++value)
    sums.sum += static_cast<double>(value) * static_cast<double>(counts[value]);
  return sums;
}

Sums sums_of_floats(std::span<const float> pixels) {
  Sums sums;
  sums.min = pixels[0];
  sums.max = pixels[0];
  for (const double pixel : pixels) {
    sums.min = std::min(sums.min, pixel);
    sums.max = std::max(sums.max, pixel);
    sums.sum += pixel;
    sums.zeros += pixel == 0.0 ? 1 : 0;
  }
  return sums;
}

}  // namespace

ImagesInfo describe(const Images& images, std::span<const std::int32_t> labels) {
  ImagesInfo info;
  info.count = images.count;
  info.rows = images.rows;
  info.cols = images.cols;
  info.type = images.type;
  const auto pixels = static_cast<std::size_t>(images.count * images.width());
  if (pixels == 0) return info;
  const Sums sums = images.type == PixelType::u8
                        ? sums_of_bytes({images.pixels, pixels})
                        : sums_of_floats({reinterpret_cast<const float*>(images.pixels), pixels});
  info.min = sums.min;
  info.max = sums.max;
  info.mean = sums.sum / static_cast<double>(pixels);
  info.zero_share = static_cast<double>(sums.zeros) / static_cast<double>(pixels);
  for (const std::int32_t label : labels) ++info.labels[label];
  return info;
}

}  // namespace hourglass
