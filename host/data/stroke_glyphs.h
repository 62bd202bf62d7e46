// The shapes of the ten digits, as strokes.
#pragma once

#include <array>
#include <span>

namespace hourglass::strokes {

/// A point of a digit's box: x to the right, y down, both 0..1.
struct Point {
  float x;
  float y;
};

/// A stroke runs through its points, as a smooth curve or as straight lines with corners.
struct Stroke {
  std::span<const Point> points;
  bool smooth = true;
};

/// One way to write a digit.
using Glyph = std::span<const Stroke>;

/// The ways to write `digit` (0..9); at least one.
std::span<const Glyph> glyphs(int digit);

}  // namespace hourglass::strokes
