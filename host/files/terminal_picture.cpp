#include <algorithm>
#include <cmath>
#include <string_view>

#include "files/pixel.h"
#include "hourglass/picture.h"

namespace hourglass {
namespace {

constexpr std::int64_t images_across = 5;
constexpr std::int64_t side = 14;  // pixels an image is scaled to: 5 * 14 + 4 gaps = 74 columns
constexpr std::string_view ramp = " .:-=+*#%@";
constexpr std::string_view upper_half = "\xE2\x96\x80";  // U+2580 in UTF-8
constexpr std::string_view plain_colour = "\x1b[0m";

/// A scaled image, brightness in [0, 1].
struct Thumbnail {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<float> pixels;
  [[nodiscard]] float at(std::int64_t r, std::int64_t c) const {
    return pixels[static_cast<std::size_t>(r * cols + c)];
  }
};

/// Mean of the source over each target pixel's area, source pixels counted by the part inside.
Thumbnail scale(const float* image, std::int64_t rows, std::int64_t cols, std::int64_t to_rows,
                std::int64_t to_cols) {
  Thumbnail result{to_rows, to_cols, {}};
  const double height = static_cast<double>(rows) / static_cast<double>(to_rows);
  const double width = static_cast<double>(cols) / static_cast<double>(to_cols);
  const auto overlap = [](std::int64_t cell, double from, double to) {
    return std::min(static_cast<double>(cell + 1), to) - std::max(static_cast<double>(cell), from);
  };
  for (std::int64_t r = 0; r < to_rows; ++r)
    for (std::int64_t c = 0; c < to_cols; ++c) {
      const double top = static_cast<double>(r) * height;
      const double left = static_cast<double>(c) * width;
      double sum = 0;
      for (auto y = static_cast<std::int64_t>(top); y < rows && overlap(y, top, top + height) > 0;
           ++y)
        for (auto x = static_cast<std::int64_t>(left);
             x < cols && overlap(x, left, left + width) > 0; ++x)
          sum += clip(image[y * cols + x]) * overlap(y, top, top + height) *
                 overlap(x, left, left + width);
      result.pixels.push_back(static_cast<float>(std::min(1.0, sum / (height * width))));
    }
  return result;
}

/// The 256-colour palette's 26 grays: black, 24 steps, white.
int gray(float brightness) {
  const auto level = static_cast<int>(std::lround(brightness * 25));
  return level == 0 ? 16 : level == 25 ? 231 : 231 + level;
}

/// One line of text: row `line` of the thumbnails, two pixel rows high with colours.
std::string text_line(const std::vector<Thumbnail>& thumbnails, std::int64_t line, bool colour) {
  std::string text;
  for (std::size_t i = 0; i < thumbnails.size(); ++i) {
    if (i > 0) text += ' ';
    const Thumbnail& image = thumbnails[i];
    std::string current;
    for (std::int64_t c = 0; c < image.cols; ++c) {
      if (colour) {
        const std::string colours = "\x1b[38;5;" + std::to_string(gray(image.at(2 * line, c))) +
                                    ";48;5;" + std::to_string(gray(image.at(2 * line + 1, c))) +
                                    "m";
        if (colours != current) text += colours;
        current = colours;
        text += upper_half;
      } else {
        const auto last = static_cast<float>(ramp.size() - 1);
        text += ramp[static_cast<std::size_t>(std::lround(image.at(line, c) * last))];
      }
    }
    if (colour) text += plain_colour;
  }
  if (!colour) text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

}  // namespace

std::string terminal_picture(const float* originals, const float* reconstructions,
                             std::int64_t count, std::int64_t rows, std::int64_t cols,
                             bool colour) {
  const double factor = static_cast<double>(side) / static_cast<double>(std::max(rows, cols));
  const auto scaled = [factor](std::int64_t extent) {
    return std::max<std::int64_t>(1, std::lround(static_cast<double>(extent) * factor));
  };
  const std::int64_t lines = (scaled(rows) + 1) / 2;
  const std::int64_t pixel_rows = colour ? 2 * lines : lines;
  std::string text;
  for (std::int64_t first = 0; first < count; first += images_across) {
    const std::int64_t last = std::min(count, first + images_across);
    if (first > 0) text += '\n';
    for (const float* images : {originals, reconstructions}) {
      std::vector<Thumbnail> thumbnails;
      for (std::int64_t i = first; i < last; ++i)
        thumbnails.push_back(scale(images + i * rows * cols, rows, cols, pixel_rows, scaled(cols)));
      for (std::int64_t line = 0; line < lines; ++line) text += text_line(thumbnails, line, colour);
    }
  }
  return text;
}

}  // namespace hourglass
