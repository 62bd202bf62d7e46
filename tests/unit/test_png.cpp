#include "hourglass/png.h"

#include <png.h>
#include <zlib.h>

#include "files_support.h"
#include "hourglass/error.h"
#include "support/catch.h"

namespace hourglass {
namespace {

using Catch::Matchers::Contains;
using test::contents;
using test::message_of;

Picture ramp(std::int64_t rows, std::int64_t cols, std::int64_t channels) {
  Picture picture{rows, cols, channels, {}};
  for (std::int64_t i = 0; i < rows * cols * channels; ++i)
    picture.pixels.push_back(static_cast<std::uint8_t>(i));
  return picture;
}

/// Writes `pixels` with libpng in one of its own formats.
void write_as(const std::filesystem::path& path, png_uint_32 format, png_uint_32 cols,
              png_uint_32 rows, const void* pixels, const void* colours = nullptr,
              png_uint_32 colour_count = 0) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = cols;
  image.height = rows;
  image.format = format;
  image.colormap_entries = colour_count;
  REQUIRE(png_image_write_to_file(&image, path.c_str(), 0, pixels, 0, colours) != 0);
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string chunk(const std::string& type_and_data) {
  const auto size = static_cast<uInt>(type_and_data.size());
  const auto* bytes = reinterpret_cast<const Bytef*>(type_and_data.data());
  return big_endian(size - 4) + type_and_data +
         big_endian(static_cast<std::uint32_t>(crc32(0, bytes, size)));
}

/// A gray PNG of one row with nothing but the chunks that must be there.
std::string bare_png(std::uint32_t cols, int depth, const std::string& row) {
  const std::string raw = std::string(1, '\0') + row;  // filter 0
  std::string packed(compressBound(static_cast<uLong>(raw.size())), '\0');
  uLongf size = static_cast<uLongf>(packed.size());
  REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                   reinterpret_cast<const Bytef*>(raw.data()),
                   static_cast<uLong>(raw.size())) == Z_OK);
  packed.resize(size);
  const std::string depth_and_rest = {static_cast<char>(depth), 0, 0, 0, 0};
  return "\x89PNG\r\n\x1A\n" + chunk("IHDR" + big_endian(cols) + big_endian(1) + depth_and_rest) +
         chunk("IDAT" + packed) + chunk("IEND");
}

TEST_CASE("Grays of every depth without a gamma come back as they are") {
  const test::ScratchDirectory scratch;
  const auto pixels = [&](const std::string& bytes) {
    test::put(scratch / "x.png", bytes);
    return read_gray_png(scratch / "x.png").pixels;
  };
  using Pixels = std::vector<std::uint8_t>;
  CHECK(pixels(bare_png(3, 1, "\xA0")) == Pixels{255, 0, 255});
  CHECK(pixels(bare_png(4, 2, "\x1B")) == Pixels{0, 85, 170, 255});
  CHECK(pixels(bare_png(2, 4, "\x3F")) == Pixels{51, 255});
  CHECK(pixels(bare_png(3, 8, std::string("\0\x80\xFF", 3))) == Pixels{0, 128, 255});
  CHECK(pixels(bare_png(3, 16, std::string("\0\0\x80\x80\xFF\xFF", 6))) == Pixels{0, 128, 255});
}

TEST_CASE("All 256 grays come back from a PNG") {
  const test::ScratchDirectory scratch;
  const Picture picture = ramp(16, 16, 1);
  write_png(scratch / "x.png", picture);
  const Picture back = read_gray_png(scratch / "x.png");
  CHECK(back.rows == 16);
  CHECK(back.cols == 16);
  CHECK(back.pixels == picture.pixels);
}

TEST_CASE("Sizes that are no multiple of anything come back") {
  const test::ScratchDirectory scratch;
  for (const auto& [rows, cols] : {std::pair{1, 1}, std::pair{1, 7}, std::pair{13, 3}}) {
    const Picture picture = ramp(rows, cols, 1);
    write_png(scratch / "x.png", picture);
    CHECK(read_gray_png(scratch / "x.png").pixels == picture.pixels);
  }
}

TEST_CASE("Colours become luminance, alpha lies over black") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "x.png";
  Picture colours{1, 5, 3, {0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255}};
  write_png(path, colours);
  const std::vector<std::uint8_t> gray = read_gray_png(path).pixels;
  CHECK(gray[0] == 0);
  CHECK(gray[1] == 255);
  CHECK(gray[3] > gray[2]);  // green is brighter than red, red than blue
  CHECK(gray[2] > gray[4]);

  const std::uint8_t with_alpha[] = {200, 255, 200, 0};
  write_as(path, PNG_FORMAT_GA, 2, 1, with_alpha);
  CHECK(read_gray_png(path).pixels == std::vector<std::uint8_t>{200, 0});

  const std::uint8_t rgba[] = {50, 50, 50, 255, 90, 90, 90, 0};
  write_as(path, PNG_FORMAT_RGBA, 2, 1, rgba);
  CHECK(read_gray_png(path).pixels == std::vector<std::uint8_t>{50, 0});

  const std::uint8_t palette[] = {10, 10, 10, 250, 250, 250};
  const std::uint8_t indices[] = {1, 0, 1};
  write_as(path, PNG_FORMAT_RGB_COLORMAP, 3, 1, indices, palette, 2);
  CHECK(read_gray_png(path).pixels == std::vector<std::uint8_t>{250, 10, 250});

  const std::uint16_t linear[] = {0, 65535};
  write_as(path, PNG_FORMAT_LINEAR_Y, 2, 1, linear);
  CHECK(read_gray_png(path).pixels == std::vector<std::uint8_t>{0, 255});
}

TEST_CASE("Damaged and unfit PNG files are refused") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "x.png";
  const auto refusal = [&](const std::string& bytes) {
    test::put(path, bytes);
    return message_of<DataError>([&] { static_cast<void>(read_gray_png(path)); });
  };
  write_png(path, ramp(28, 28, 1));
  const std::string whole = contents(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size << " of " << whole.size());
    CHECK_FALSE(refusal(whole.substr(0, size)).empty());
  }
  std::string flipped = whole;
  const std::size_t data = whole.find("IDAT") + 40;
  flipped[data] = static_cast<char>(flipped[data] ^ 1);
  CHECK_FALSE(refusal(flipped).empty());
  CHECK_FALSE(refusal("no picture at all").empty());
  CHECK_FALSE(refusal("").empty());

  const std::vector<std::uint8_t> wide(16385);
  write_as(path, PNG_FORMAT_GRAY, 16385, 1, wide.data());
  CHECK_THAT(message_of<DataError>([&] { static_cast<void>(read_gray_png(path)); }),
             Contains("16385x1"));
  write_as(path, PNG_FORMAT_GRAY, 16384, 1, wide.data());
  CHECK(read_gray_png(path).cols == 16384);
  CHECK_THROWS_AS(read_gray_png(scratch / "missing.png"), DataError);
  CHECK_THROWS_AS(read_gray_png(scratch.path()), DataError);
}

TEST_CASE("Pictures whose sizes do not fit are not written") {
  const test::ScratchDirectory scratch;
  Picture picture = ramp(2, 2, 1);
  picture.pixels.pop_back();
  CHECK_THROWS_AS(write_png(scratch / "x.png", picture), std::invalid_argument);
  CHECK_THROWS_AS(write_png(scratch / "x.png", Picture{}), std::invalid_argument);
  CHECK_THROWS_AS(write_png(scratch / "no" / "x.png", ramp(2, 2, 1)), IoError);
}

}  // namespace
}  // namespace hourglass
