// PNG files in and out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace hourglass {

/// An 8-bit picture: gray (1 channel) or RGB (3), row-major, channels together.
struct Picture {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t channels = 1;
  std::vector<std::uint8_t> pixels;  // (rows, cols, channels)
};

/// Longest side that `read_gray_png` accepts, in pixels.
inline constexpr std::int64_t longest_png_side = 16384;

/// Writes a PNG atomically. Throws IoError, and std::invalid_argument for a picture whose sizes do
/// not fit together.
void write_png(const std::filesystem::path& path, const Picture& picture);

/// Reads a PNG of any colour type and depth as 8-bit gray; colours by their luminance, transparent
/// pixels over black (the background of MNIST). Throws DataError for a damaged file and for sides
/// over `longest_png_side`.
[[nodiscard]] Picture read_gray_png(const std::filesystem::path& path);

}  // namespace hourglass
