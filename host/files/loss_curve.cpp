#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "files/canvas.h"
#include "hourglass/picture.h"

namespace hourglass {
namespace {

constexpr std::int64_t canvas_cols = 800;
constexpr std::int64_t canvas_rows = 500;
constexpr double left_edge = 96;
constexpr double right_edge = 776;
constexpr double top_edge = 52;
constexpr double bottom_edge = 440;
constexpr std::int64_t glyph_step = 6;
constexpr std::int64_t glyph_height = 7;

constexpr Colour white{255, 255, 255};
constexpr Colour ink{40, 44, 52};
constexpr Colour faint{228, 230, 234};
constexpr Colour pale_blue{190, 211, 238};
constexpr Colour blue{31, 96, 180};
constexpr Colour orange{222, 110, 20};
constexpr Colour green{40, 140, 80};

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

/// Within bounds that leave room for margins; NaN is not.
bool is_drawable(double loss) { return loss >= 1e-300 && loss <= 1e300; }

std::vector<CurvePoint> drawable(const std::vector<CurvePoint>& points) {
  std::vector<CurvePoint> kept;
  std::ranges::copy_if(points, std::back_inserter(kept), [](const CurvePoint& point) {
    return is_drawable(point.loss) && std::abs(point.x) <= 1e15;
  });
  return kept;
}

/// Mean of the logarithm over a window of a fiftieth of the curve, centred.
std::vector<CurvePoint> smoothed(const std::vector<CurvePoint>& points) {
  const std::size_t reach = points.size() / 100;
  std::vector<double> sums{0};
  for (const CurvePoint& point : points) sums.push_back(sums.back() + std::log(point.loss));
  std::vector<CurvePoint> result;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::size_t first = i - std::min(reach, i);
    const std::size_t last = std::min(i + reach, points.size() - 1);
    const double sum = sums[last + 1] - sums[first];
    result.push_back({points[i].x, std::exp(sum / static_cast<double>(last - first + 1))});
  }
  return result;
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps fill `length`.
double nice_step(double length, double wanted) {
  const double raw = length / wanted;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

/// Ticks of a logarithmic axis: all of 1 to 9 times powers of ten below one decade, 1-2-5 below
/// three, powers alone beyond, of these about eight.
std::vector<double> log_ticks(const Range& range) {
  const double first = std::floor(std::log10(range.low));
  const double decades = std::log10(range.high) - std::log10(range.low);
  const double stride = std::max(1.0, std::ceil(decades / 8));
  std::vector<double> ticks;
  for (double exponent = first; exponent <= first + decades + 1; exponent += stride)
    for (int digit = 1; digit <= 9; ++digit) {
      const bool wanted = decades < 1 || digit == 1 || (decades < 3 && (digit == 2 || digit == 5));
      const double value = digit * std::pow(10, exponent);
      if (wanted && value >= range.low && value <= range.high) ticks.push_back(value);
    }
  return ticks;
}

class Plot {
 public:
  Plot(Range x, Range y) : x_(x), y_(y), canvas_(canvas_cols, canvas_rows, white) {}

  void axes(const LossCurve& curve) {
    const double step = nice_step(x_.high - x_.low, 6);
    for (double value = std::ceil(x_.low / step) * step; value <= x_.high * (1 + 1e-9);
         value += step) {
      canvas_.line(to_x(value), top_edge, to_x(value), bottom_edge, 1, faint);
      centred(to_x(value), bottom_edge + 10, short_number(value), 2);
    }
    for (const double value : log_ticks(y_)) {
      canvas_.line(left_edge, to_y(value), right_edge, to_y(value), 1, faint);
      const std::string label = short_number(value);
      canvas_.text(pixel(left_edge) - 8 - Canvas::text_width(label, 2),
                   pixel(to_y(value)) - glyph_height, label, 2, ink);
    }
    canvas_.line(left_edge, bottom_edge, right_edge, bottom_edge, 1, ink);
    canvas_.line(left_edge, top_edge, left_edge, bottom_edge, 1, ink);
    centred((left_edge + right_edge) / 2, bottom_edge + 34, curve.x_label, 2);
    centred((left_edge + right_edge) / 2, 18, curve.title, 2);
    canvas_.text(12, pixel(top_edge) - 26, curve.y_label, 2, ink);
  }

  void polyline(const std::vector<CurvePoint>& points, double width, Colour colour) {
    for (std::size_t i = 1; i < points.size(); ++i)
      canvas_.line(to_x(points[i - 1].x), to_y(points[i - 1].loss), to_x(points[i].x),
                   to_y(points[i].loss), width, colour);
    if (points.size() == 1) marks(points, colour);
  }

  void marks(const std::vector<CurvePoint>& points, Colour colour) {
    for (const CurvePoint& point : points) {
      canvas_.disc(to_x(point.x), to_y(point.loss), 6, white);
      canvas_.disc(to_x(point.x), to_y(point.loss), 4.5, colour);
    }
  }

  void dashes(double loss, Colour colour) {
    for (double x = left_edge; x < right_edge; x += 14)
      canvas_.line(x, to_y(loss), std::min(x + 8, right_edge), to_y(loss), 2, colour);
  }

  /// One entry of the legend, in the upper right corner, from the top down.
  void legend(const std::string& label, Colour colour) {
    const std::int64_t top = pixel(top_edge) + 10 + legend_entries_++ * 22;
    const std::int64_t left = pixel(right_edge) - 10 - Canvas::text_width(label, 2);
    canvas_.box(left - 36, top - 4, pixel(right_edge) - 4, top + 18, white);
    canvas_.box(left - 32, top + 5, left - 8, top + 9, colour);
    canvas_.text(left, top, label, 2, ink);
  }

  Picture take() { return canvas_.picture(); }

 private:
  static std::int64_t pixel(double position) { return std::lround(position); }
  [[nodiscard]] double to_x(double x) const {
    return left_edge + (x - x_.low) / (x_.high - x_.low) * (right_edge - left_edge);
  }
  [[nodiscard]] double to_y(double loss) const {
    const double part =
        (std::log(loss) - std::log(y_.low)) / (std::log(y_.high) - std::log(y_.low));
    return bottom_edge - part * (bottom_edge - top_edge);
  }
  /// Centred text, with as many of its characters as fit.
  void centred(double x, double top, std::string words, std::int64_t scale) {
    const auto fitting = static_cast<std::size_t>(canvas_cols / (glyph_step * scale) - 1);
    if (words.size() > fitting) words = words.substr(0, fitting - 3) + "...";
    const std::int64_t width = Canvas::text_width(words, scale);
    const std::int64_t left =
        std::clamp<std::int64_t>(pixel(x) - width / 2, 4, canvas_cols - 4 - width);
    canvas_.text(left, pixel(top), words, scale, ink);
  }

  Range x_;
  Range y_;
  Canvas canvas_;
  std::int64_t legend_entries_ = 0;
};

}  // namespace

Picture loss_curve(const LossCurve& curve) {
  const std::vector<CurvePoint> train = drawable(curve.train);
  const std::vector<CurvePoint> validation = drawable(curve.validation);
  const bool has_reference = curve.reference && is_drawable(*curve.reference);
  Range x;
  Range y;
  for (const auto* points : {&train, &validation})
    for (const CurvePoint& point : *points) {
      x.include(point.x);
      y.include(point.loss);
    }
  if (has_reference) y.include(*curve.reference);
  if (x.low > x.high) x = {0, 1};
  if (y.low > y.high) y = {0.1, 1};
  if (x.low > 0 && x.low < x.high / 4) x.low = 0;
  if (x.low == x.high) x = {x.low - 0.5, x.high + 0.5};
  y = {y.low / 1.25, y.high * 1.25};

  Plot plot(x, y);
  plot.axes(curve);
  plot.polyline(train, 1, pale_blue);
  if (has_reference) plot.dashes(*curve.reference, green);
  plot.polyline(smoothed(train), 2.5, blue);
  plot.marks(validation, orange);
  if (!train.empty()) plot.legend("training batches", blue);
  if (!validation.empty()) plot.legend("validation", orange);
  if (has_reference) plot.legend(curve.reference_label, green);
  return plot.take();
}

}  // namespace hourglass
