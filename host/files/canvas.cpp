#include "files/canvas.h"

#include <algorithm>
#include <cmath>

#include "files/font.h"

namespace hourglass {
namespace {

std::uint8_t mix(std::uint8_t under, std::uint8_t over, double coverage) {
  return static_cast<std::uint8_t>(std::lround(under + (over - under) * coverage));
}

/// Distance of (x, y) from the segment (x0, y0) to (x1, y1).
double distance(double x, double y, double x0, double y0, double x1, double y1) {
  const double dx = x1 - x0;
  const double dy = y1 - y0;
  const double length2 = dx * dx + dy * dy;
  const double along = length2 > 0 ? ((x - x0) * dx + (y - y0) * dy) / length2 : 0;
  const double t = std::clamp(along, 0.0, 1.0);
  return std::hypot(x - x0 - t * dx, y - y0 - t * dy);
}

}  // namespace

Canvas::Canvas(std::int64_t cols, std::int64_t rows, Colour background)
    : picture_{rows, cols, 3,
               std::vector<std::uint8_t>(static_cast<std::size_t>(rows * cols * 3))} {
  box(0, 0, cols, rows, background);
}

void Canvas::blend(std::int64_t x, std::int64_t y, double coverage, Colour colour) {
  if (x < 0 || y < 0 || x >= picture_.cols || y >= picture_.rows || coverage <= 0) return;
  std::uint8_t* pixel = picture_.pixels.data() + (y * picture_.cols + x) * 3;
  const double part = std::min(coverage, 1.0);
  pixel[0] = mix(pixel[0], colour.red, part);
  pixel[1] = mix(pixel[1], colour.green, part);
  pixel[2] = mix(pixel[2], colour.blue, part);
}

void Canvas::line(double x0, double y0, double x1, double y1, double width, Colour colour) {
  const double reach = width / 2 + 1;
  const auto left = static_cast<std::int64_t>(std::floor(std::min(x0, x1) - reach));
  const auto right = static_cast<std::int64_t>(std::ceil(std::max(x0, x1) + reach));
  const auto top = static_cast<std::int64_t>(std::floor(std::min(y0, y1) - reach));
  const auto bottom = static_cast<std::int64_t>(std::ceil(std::max(y0, y1) + reach));
  for (std::int64_t y = top; y <= bottom; ++y)
    for (std::int64_t x = left; x <= right; ++x) {
      const double away = distance(static_cast<double>(x), static_cast<double>(y), x0, y0, x1, y1);
      blend(x, y, width / 2 + 0.5 - away, colour);
    }
}

void Canvas::box(std::int64_t left, std::int64_t top, std::int64_t right, std::int64_t bottom,
                 Colour colour) {
  for (std::int64_t y = top; y < bottom; ++y)
    for (std::int64_t x = left; x < right; ++x) blend(x, y, 1, colour);
}

void Canvas::disc(double x, double y, double radius, Colour colour) {
  line(x, y, x, y, 2 * radius, colour);
}

void Canvas::text(std::int64_t left, std::int64_t top, std::string_view words, std::int64_t scale,
                  Colour colour) {
  for (const char character : words) {
    const auto& columns = glyph(character);
    for (std::int64_t c = 0; c < glyph_cols; ++c)
      for (std::int64_t r = 0; r < glyph_rows; ++r) {
        if ((columns[static_cast<std::size_t>(c)] >> r & 1) == 0) continue;
        const std::int64_t x = left + c * scale;
        const std::int64_t y = top + r * scale;
        box(x, y, x + scale, y + scale, colour);
      }
    left += (glyph_cols + 1) * scale;
  }
}

std::int64_t Canvas::text_width(std::string_view words, std::int64_t scale) {
  return std::max<std::int64_t>(0, std::ssize(words) * (glyph_cols + 1) - 1) * scale;
}

}  // namespace hourglass
