#include "hourglass/picture.h"

#include <cmath>
#include <limits>
#include <set>

#include "files_support.h"
#include "support/catch.h"

namespace hourglass {
namespace {

int gray_at(const Picture& picture, std::int64_t row, std::int64_t col) {
  return picture.pixels[static_cast<std::size_t>(row * picture.cols + col)];
}

/// Terminal columns of each line: UTF-8 characters outside of colour sequences.
std::vector<std::size_t> line_widths(const std::string& text) {
  std::vector<std::size_t> widths;
  std::size_t width = 0;
  bool escape = false;
  for (const char c : text) {
    if (c == '\x1b') escape = true;
    if (c == '\n') {
      widths.push_back(width);
      width = 0;
    } else if (!escape && (c & 0xC0) != 0x80) {
      ++width;
    }
    if (c == 'm') escape = false;
  }
  return widths;
}

TEST_CASE("A grid shows originals, reconstructions and differences") {
  // Two images of 42x42 are enlarged twice; gaps are 2 pixels.
  constexpr std::int64_t side = 42;
  std::vector<float> originals(2 * side * side, 0.25F);
  std::vector<float> reconstructions(2 * side * side, 1.0F);
  originals[0] = std::numeric_limits<float>::quiet_NaN();
  reconstructions[0] = 7;
  originals[1] = 0.5F;
  reconstructions[1] = -3;
  const Picture grid = reconstruction_grid(originals.data(), reconstructions.data(), 2, side, side);
  CHECK(grid.channels == 1);
  CHECK(grid.cols == 2 * (84 + 2) + 2);
  CHECK(grid.rows == 3 * (84 + 2) + 2);
  REQUIRE(std::cmp_equal(grid.pixels.size(), grid.rows * grid.cols));
  CHECK(gray_at(grid, 0, 0) == 64);
  CHECK(gray_at(grid, 2, 2) == 0);           // NaN
  CHECK(gray_at(grid, 3, 3) == 0);           // the same pixel, enlarged
  CHECK(gray_at(grid, 2, 4) == 128);         // 0.5
  CHECK(gray_at(grid, 85, 85) == 64);        // 0.25
  CHECK(gray_at(grid, 86, 2) == 64);         // gap
  CHECK(gray_at(grid, 88, 2) == 255);        // 7, clipped
  CHECK(gray_at(grid, 88, 4) == 0);          // -3, clipped
  CHECK(gray_at(grid, 174, 2) == 255);       // |0 - 1|
  CHECK(gray_at(grid, 174, 4) == 128);       // |0.5 - 0|
  CHECK(gray_at(grid, 174, 2 + 86) == 191);  // |0.25 - 1|
}

TEST_CASE("Many images wrap into blocks, large ones keep their size") {
  const std::vector<float> images(45 * 100 * 3, 1.0F);
  const Picture grid = reconstruction_grid(images.data(), images.data(), 45, 100, 3);
  CHECK(grid.cols == 20 * (3 + 2) + 2);
  CHECK(grid.rows == 3 * (3 * (100 + 2) + 10) - 10 + 2);
  CHECK(gray_at(grid, 2 * 316 + 2, 2 + 4 * 5) == 255);  // image 44: third block, fifth column
  CHECK(gray_at(grid, 2 * 316 + 2, 2 + 5 * 5) == 64);   // no image 45
}

TEST_CASE("A terminal picture keeps to 80 columns and to its characters") {
  constexpr std::int64_t count = 7;
  std::vector<float> black(count * 784, 0.0F);
  std::vector<float> white(count * 784, 1.0F);
  const std::string plain = terminal_picture(black.data(), white.data(), count, 28, 28, false);
  const std::string line = std::string(14, '@') + ' ' + std::string(14, '@');
  CHECK(plain.find('\x1b') == std::string::npos);
  CHECK(plain.find(line) != std::string::npos);
  CHECK(line_widths(plain).size() == 2 * 14 + 1);

  const std::string colour = terminal_picture(black.data(), white.data(), count, 28, 28, true);
  CHECK(colour.find("\x1b[38;5;16;48;5;16m\xE2\x96\x80") != std::string::npos);
  CHECK(colour.find("\x1b[38;5;231;48;5;231m\xE2\x96\x80") != std::string::npos);
  const std::vector<std::size_t> widths = line_widths(colour);
  CHECK(widths.size() == 2 * 14 + 1);
  CHECK(widths.front() == 5 * 14 + 4);
  CHECK(widths.back() == 2 * 14 + 1);
}

TEST_CASE("A terminal picture averages and clips") {
  std::vector<float> image(784, 0.0F);
  image[0] = 50;  // clipped to 1: a quarter of its half block
  const std::string colour = terminal_picture(image.data(), image.data(), 1, 28, 28, true);
  CHECK(colour.find("\x1b[38;5;237;48;5;16m") == 0);  // 231 + round(25 / 4)
  for (const auto& [rows, cols] :
       {std::pair{1, 1}, std::pair{3, 200}, std::pair{50, 50}, std::pair{200, 3}}) {
    const std::vector<float> white(static_cast<std::size_t>(rows * cols), 1.0F);
    for (const bool with_colour : {false, true}) {
      const std::string text =
          terminal_picture(white.data(), white.data(), 1, rows, cols, with_colour);
      for (const std::size_t width : line_widths(text)) CHECK((width >= 1 && width <= 14));
      const bool all_white = with_colour ? text.find(";16m") == std::string::npos
                                         : text.find_first_not_of("@\n") == std::string::npos;
      CHECK(all_white);
    }
  }
}

TEST_CASE("A loss curve shows its series and survives odd numbers") {
  LossCurve curve;
  curve.title = "784-392-196-392-784";
  for (int i = 0; i < 1000; ++i) curve.train.push_back({i / 200.0, 0.1 / (1 + i) + 1e-3});
  const auto colours = [](const Picture& picture) {
    std::set<std::vector<std::uint8_t>> found;
    for (std::size_t i = 0; i < picture.pixels.size(); i += 3)
      found.insert({picture.pixels[i], picture.pixels[i + 1], picture.pixels[i + 2]});
    return found;
  };
  const std::vector<std::uint8_t> blue{31, 96, 180};
  const std::vector<std::uint8_t> orange{222, 110, 20};
  const std::vector<std::uint8_t> green{40, 140, 80};
  const Picture without = loss_curve(curve);
  CHECK(without.cols == 800);
  CHECK(without.rows == 500);
  CHECK(without.channels == 3);
  CHECK(colours(without).contains(blue));
  CHECK_FALSE(colours(without).contains(orange));
  CHECK_FALSE(colours(without).contains(green));
  curve.validation = {{1, 2e-3}, {2, 1.5e-3}};
  curve.reference = 1.2e-3;
  CHECK(colours(loss_curve(curve)).contains(orange));
  CHECK(colours(loss_curve(curve)).contains(green));

  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::vector<CurvePoint> odd{{0, nan}, {1, 0}, {2, -1}, {3, infinity}, {nan, 1}};
  CHECK(loss_curve({"odd", "x", "y", odd, odd, nan, "none"}).pixels.size() == 800 * 500 * 3);
  CHECK(loss_curve({}).pixels.size() == 800 * 500 * 3);
  CHECK(loss_curve({std::string(500, 'x'),
                    "x",
                    "y",
                    {{1, 1e-300}},
                    {{1, 1e300}},
                    1.0,
                    std::string(500, 'y')})
            .pixels.size() == 800 * 500 * 3);
}

}  // namespace
}  // namespace hourglass
