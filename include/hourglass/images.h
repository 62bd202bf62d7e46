// A set of images in memory, as engines and files see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hourglass {

/// How a pixel is held. The network sees `x / 255` of a `u8` and an `f32` as it is.
enum class PixelType { u8, f32 };

/// Images as rows of `width()` pixels, contiguous, row-major. A view with shared ownership of what
/// it looks at (a memory-mapped file or a buffer): cheap to copy, never modified.
struct Images {
  std::shared_ptr<const void> owner;
  const std::byte* pixels = nullptr;  // (count, rows, cols)
  PixelType type = PixelType::u8;
  std::int64_t count = 0;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  [[nodiscard]] std::int64_t width() const { return rows * cols; }
  [[nodiscard]] std::int64_t pixel_bytes() const { return type == PixelType::u8 ? 1 : 4; }
  [[nodiscard]] std::int64_t row_bytes() const { return width() * pixel_bytes(); }
  [[nodiscard]] const std::byte* row(std::int64_t index) const {
    return pixels + index * row_bytes();
  }
  /// Images [first, last) as a view on the same memory.
  [[nodiscard]] Images slice(std::int64_t first, std::int64_t last) const {
    Images part = *this;
    part.pixels = row(first);
    part.count = last - first;
    return part;
  }
  /// Image `index` as the network sees it, into `out` (width floats).
  void read(std::int64_t index, float* out) const {
    const std::byte* source = row(index);
    if (type == PixelType::u8) {
      for (std::int64_t i = 0; i < width(); ++i)
        out[i] = static_cast<float>(std::to_integer<int>(source[i])) / 255.0F;
    } else {
      const auto* values = reinterpret_cast<const float*>(source);
      for (std::int64_t i = 0; i < width(); ++i) out[i] = values[i];
    }
  }
};

/// A file a data set was read from.
struct SourceFile {
  std::string path;
  std::string sha256;  // of the file as it lies on disk, hexadecimal
};

/// A data set cut into its three parts, as the trainer takes it.
struct DataSet {
  std::string name;  // "mnist", "strokes", or the path given
  Images train;
  Images validation;
  Images test;
  std::vector<SourceFile> files;  // empty for the built-in set
  bool builtin = false;           // drawn by code, not real data: outputs must say so
  std::string note;               // one line for people; empty when there is nothing to say
};

}  // namespace hourglass
