// Draws the built-in data set. Only + - * / and sqrt on floats, which IEEE 754 fixes to the last
// bit, and random numbers by counter: the images are the same on every machine.
#include "data/strokes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "data/idx.h"
#include "data/stroke_glyphs.h"
#include "hourglass/data.h"
#include "hourglass/random.h"

namespace hourglass {
namespace {

using strokes::Point;
using strokes::side;

constexpr int pieces_a_span = 4;     // straight pieces of a curve between two points
constexpr float edge_pixels = 1.2F;  // width of the soft edge of a line
constexpr float box_height = 19.0F;  // pixels, before scaling: MNIST's digits fill 20 x 20

/// The random numbers of one image, in a fixed order.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t image) : seed_(seed), image_(image) {}

  /// Uniform in [low, high).
  float between(float low, float high) {
    return low + (high - low) * (static_cast<float>(next() >> 8) * 0x1p-24F);
  }
  /// Mean `centre`, at most `reach` away, rarely far: the mean of three uniform numbers.
  float around(float centre, float reach) {
    const float sum = between(-1, 1) + between(-1, 1) + between(-1, 1);
    return centre + reach * (sum / 3.0F);
  }
  std::size_t choice(std::size_t options) { return next() % options; }

 private:
  std::uint32_t next() {
    if (used_ % 4 == 0) words_ = philox(seed_, Purpose::strokes, image_, used_ / 4);
    return words_[used_++ % 4];
  }

  std::uint64_t seed_;
  std::uint64_t image_;
  std::uint32_t used_ = 0;
  std::array<std::uint32_t, 4> words_{};
};

/// Maps a digit's box to pixels: size, slant, rotation, shift.
class Pose {
 public:
  explicit Pose(Draws& draws) {
    const float height = box_height * draws.around(1.0F, 0.18F);
    const float width = 0.72F * height * draws.around(1.0F, 0.35F);
    const float slant = draws.around(0.14F, 0.55F);
    // A rotation without sine and cosine: t is the tangent of half the angle.
    const float t = draws.around(0.0F, 0.16F);
    const float cosine = (1 - t * t) / (1 + t * t);
    const float sine = 2 * t / (1 + t * t);
    xx_ = cosine * width;
    yx_ = sine * width;
    xy_ = -(sine + slant * cosine) * height;
    yy_ = (cosine - slant * sine) * height;
    x_ = draws.around(0.5F * (side - 1), 2.4F);
    y_ = draws.around(0.5F * (side - 1), 2.0F);
  }

  [[nodiscard]] Point operator()(Point p) const {
    const float u = p.x - 0.5F;
    const float v = p.y - 0.5F;
    return {x_ + xx_ * u + xy_ * v, y_ + yx_ * u + yy_ * v};
  }

 private:
  float xx_, xy_, yx_, yy_, x_, y_;
};

/// For each pixel the squared distance to the nearest line drawn so far.
class Canvas {
 public:
  explicit Canvas(float radius) : radius_(radius) { squares_.fill(far); }

  void line(Point a, Point b) {
    const float reach = radius_ + 0.5F * edge_pixels;
    const auto [x0, x1] = pixels_between(std::min(a.x, b.x) - reach, std::max(a.x, b.x) + reach);
    const auto [y0, y1] = pixels_between(std::min(a.y, b.y) - reach, std::max(a.y, b.y) + reach);
    const float dx = b.x - a.x;
    const float dy = b.y - a.y;
    const float length = dx * dx + dy * dy;
    const float scale = length > 0 ? 1.0F / length : 0.0F;
    for (int y = y0; y <= y1; ++y) {
      const float py = static_cast<float>(y) - a.y;
      float* row = squares_.data() + y * side;
      for (int x = x0; x <= x1; ++x) {
        const float px = static_cast<float>(x) - a.x;
        const float along = std::clamp((px * dx + py * dy) * scale, 0.0F, 1.0F);
        const float ex = px - along * dx;
        const float ey = py - along * dy;
        row[x] = std::min(row[x], ex * ex + ey * ey);
      }
    }
  }

  /// Ink of each pixel, 0..255, with a soft edge.
  void ink(std::byte* out) const {
    for (std::size_t i = 0; i < squares_.size(); ++i) {
      const float depth = (radius_ - std::sqrt(squares_[i])) / edge_pixels + 0.5F;
      out[i] = static_cast<std::byte>(static_cast<int>(255.0F * std::clamp(depth, 0.0F, 1.0F)));
    }
  }

 private:
  static constexpr float far = 1e6F;

  static std::pair<int, int> pixels_between(float low, float high) {
    return {std::max(0, static_cast<int>(low)),
            std::min(static_cast<int>(side) - 1, static_cast<int>(high) + 1)};
  }

  float radius_;
  std::array<float, side * side> squares_;
};

/// A point of the Catmull-Rom curve from b to c (t in 0..1), whose neighbours are a and d.
Point curve(Point a, Point b, Point c, Point d, float t) {
  const auto blend = [t](float pa, float pb, float pc, float pd) {
    return pb +
           0.5F * t *
               ((pc - pa) + t * ((2 * pa - 5 * pb + 4 * pc - pd) + t * (3 * (pb - pc) + pd - pa)));
  };
  return {blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)};
}

void draw_smooth(Canvas& canvas, const std::vector<Point>& points) {
  const std::size_t last = points.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const Point before = points[i == 0 ? 0 : i - 1];
    const Point after = points[std::min(i + 2, last)];
    Point from = points[i];
    for (int piece = 1; piece <= pieces_a_span; ++piece) {
      const float t = static_cast<float>(piece) / pieces_a_span;
      const Point to = curve(before, points[i], points[i + 1], after, t);
      canvas.line(from, to);
      from = to;
    }
  }
}

void draw_image(std::uint64_t seed, std::int64_t index, std::byte* out) {
  Draws draws(seed, static_cast<std::uint64_t>(index));
  const auto variants = strokes::glyphs(strokes::digit_of(index));
  const strokes::Glyph glyph = variants[draws.choice(variants.size())];
  const Pose pose(draws);
  Canvas canvas(draws.around(1.25F, 0.75F));

  // Two points that lie together in the glyph stay together: they share their displacement.
  std::vector<Point> points;
  Point joint{-1, -1};
  Point joint_moved{};
  for (const strokes::Stroke& stroke : glyph) {
    points.clear();
    for (const Point& point : stroke.points) {
      const bool joined = points.empty() && point.x == joint.x && point.y == joint.y;
      const Point moved =
          joined ? joint_moved
                 : pose({point.x + draws.around(0, 0.09F), point.y + draws.around(0, 0.06F)});
      points.push_back(moved);
    }
    joint = stroke.points.back();
    joint_moved = points.back();
    if (stroke.smooth) {
      draw_smooth(canvas, points);
    } else {
      for (std::size_t i = 1; i < points.size(); ++i) canvas.line(points[i - 1], points[i]);
    }
  }
  canvas.ink(out);
}

}  // namespace

Images draw_strokes(std::int64_t first, std::int64_t count, std::uint64_t seed) {
  constexpr std::int64_t pixels = side * side;
  const auto buffer = data_buffer("strokes", static_cast<std::uint64_t>(count * pixels));
  const auto draw_range = [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i) draw_image(seed, first + i, buffer.get() + i * pixels);
  };
  {
    std::jthread helper(draw_range, 0, count / 2);
    draw_range(count / 2, count);
  }
  Images images;
  images.owner = buffer;
  images.pixels = buffer.get();
  images.count = count;
  images.rows = side;
  images.cols = side;
  return images;
}

}  // namespace hourglass
