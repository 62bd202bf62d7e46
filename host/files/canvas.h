// Drawing lines, boxes and text into an RGB picture.
#pragma once

#include <cstdint>
#include <string_view>

#include "hourglass/png.h"

namespace hourglass {

struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
};

/// A picture to draw on. Coordinates are in pixels, (0, 0) is the upper left corner, and what lies
/// outside is left out.
class Canvas {
 public:
  Canvas(std::int64_t cols, std::int64_t rows, Colour background);

  /// A line of `width` pixels with smooth edges.
  void line(double x0, double y0, double x1, double y1, double width, Colour colour);
  void box(std::int64_t left, std::int64_t top, std::int64_t right, std::int64_t bottom,
           Colour colour);
  void disc(double x, double y, double radius, Colour colour);
  /// Text in capitals and small letters of 5x7 pixels times `scale`; `left`, `top` is its corner.
  void text(std::int64_t left, std::int64_t top, std::string_view words, std::int64_t scale,
            Colour colour);
  [[nodiscard]] static std::int64_t text_width(std::string_view words, std::int64_t scale);

  [[nodiscard]] const Picture& picture() const { return picture_; }

 private:
  void blend(std::int64_t x, std::int64_t y, double coverage, Colour colour);

  Picture picture_;
};

}  // namespace hourglass
