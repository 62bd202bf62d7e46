// Images and labels out of IDX arrays: which shapes and types are taken, and how.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <sstream>
#include <type_traits>

#include "data/idx_images.h"
#include "hourglass/data.h"

namespace hourglass {
namespace {

template <typename T>
using Bits = std::conditional_t<
    sizeof(T) == 1, std::uint8_t,
    std::conditional_t<sizeof(T) == 2, std::uint16_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;

/// Value `index` of a big-endian array.
template <typename T>
T load(const std::byte* values, std::size_t index) {
  Bits<T> bits = 0;
  std::memcpy(&bits, values + index * sizeof(T), sizeof(T));
  if constexpr (sizeof(T) == 2) bits = __builtin_bswap16(bits);
  if constexpr (sizeof(T) == 4) bits = __builtin_bswap32(bits);
  if constexpr (sizeof(T) == 8) bits = __builtin_bswap64(bits);
  return std::bit_cast<T>(bits);
}

std::size_t value_count(const IdxArray& array) {
  return array.payload.size() / idx_value_bytes(array.type);
}

template <typename T>
std::shared_ptr<std::byte[]> bytes_from_integers(const IdxArray& array) {
  const std::size_t count = value_count(array);
  const std::byte* source = array.payload.data();
  T low = load<T>(source, 0);
  T high = low;
  for (std::size_t i = 1; i < count; ++i) {
    const T value = load<T>(source, i);
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low < 0 || high > 255)
    throw DataError(Finding{array.path, "pixels in 0..255 (type " + idx_type_name(array.type) + ")",
                            "values from " + std::to_string(low) + " to " + std::to_string(high),
                            "Scale them to 0..255, or write f32 in [0, 1]."});
  auto pixels = data_buffer(array.path, count);
  for (std::size_t i = 0; i < count; ++i)
    pixels.get()[i] = static_cast<std::byte>(load<T>(source, i));
  return pixels;
}

template <typename T>
std::shared_ptr<std::byte[]> floats_from_floats(const IdxArray& array) {
  const std::size_t count = value_count(array);
  const std::byte* source = array.payload.data();
  const Finding finding{array.path,
                        "finite pixels in [0, 1] (type " + idx_type_name(array.type) + ")", "",
                        "Scale the values, for example divide by their largest."};
  T low = 1;
  T high = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const T value = load<T>(source, i);
    if (!std::isfinite(value)) {
      const std::size_t per_image = count / static_cast<std::size_t>(array.dims[0]);
      Finding bad = finding;
      bad.found = "a value that is NaN or infinite in image " + std::to_string(i / per_image);
      throw DataError(bad);
    }
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low < 0 || high > 1) {
    Finding bad = finding;
    std::ostringstream range;
    range << "values from " << low << " to " << high;
    bad.found = range.str();
    throw DataError(bad);
  }
  auto pixels = data_buffer(array.path, count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(load<T>(source, i));
    std::memcpy(pixels.get() + i * sizeof(float), &value, sizeof(float));
  }
  return pixels;
}

void take_buffer(Images& images, const std::shared_ptr<std::byte[]>& buffer, PixelType type) {
  images.owner = buffer;
  images.pixels = buffer.get();
  images.type = type;
}

template <typename T>
std::vector<std::int32_t> first_column(const IdxArray& array) {
  const auto rows = static_cast<std::size_t>(array.dims[0]);
  const std::size_t columns = value_count(array) / rows;
  std::vector<std::int32_t> labels(rows);
  for (std::size_t i = 0; i < rows; ++i)
    labels[i] = static_cast<std::int32_t>(load<T>(array.payload.data(), i * columns));
  return labels;
}

std::vector<std::int32_t> label_values(const IdxArray& array) {
  switch (array.type) {
    case IdxType::u8:
      return first_column<std::uint8_t>(array);
    case IdxType::i8:
      return first_column<std::int8_t>(array);
    case IdxType::i16:
      return first_column<std::int16_t>(array);
    case IdxType::i32:
      return first_column<std::int32_t>(array);
    default:
      throw DataError(Finding{array.path, "labels as integers",
                              "values of type " + idx_type_name(array.type),
                              "Name the label file that belongs to the images."});
  }
}

}  // namespace

Images images_from(const IdxArray& array) {
  const auto& dims = array.dims;
  if (dims.size() < 2)
    throw DataError(Finding{array.path, "images: rank 2 or more",
                            "rank 1 (" + shape_text(dims) + ")",
                            "This looks like labels; name the file of images."});
  Images images;
  images.count = dims[0];
  images.rows = dims.size() == 2 ? 1 : dims[1];
  images.cols = 1;
  for (std::size_t axis = dims.size() == 2 ? 1 : 2; axis < dims.size(); ++axis)
    images.cols *= dims[axis];

  switch (array.type) {
    case IdxType::u8:
      images.owner = array.owner;
      images.pixels = array.payload.data();
      break;
    case IdxType::i8:
      take_buffer(images, bytes_from_integers<std::int8_t>(array), PixelType::u8);
      break;
    case IdxType::i16:
      take_buffer(images, bytes_from_integers<std::int16_t>(array), PixelType::u8);
      break;
    case IdxType::i32:
      take_buffer(images, bytes_from_integers<std::int32_t>(array), PixelType::u8);
      break;
    case IdxType::f32:
      take_buffer(images, floats_from_floats<float>(array), PixelType::f32);
      break;
    case IdxType::f64:
      take_buffer(images, floats_from_floats<double>(array), PixelType::f32);
      break;
  }
  return images;
}

std::vector<std::int32_t> labels_from(const IdxArray& array, std::int64_t expected_count) {
  if (array.dims.size() > 2)
    throw DataError(
        Finding{array.path, "labels: rank 1 or 2",
                "rank " + std::to_string(array.dims.size()) + " (" + shape_text(array.dims) + ")",
                "Name the label file that belongs to the images."});
  if (array.dims[0] != expected_count)
    throw DataError(Finding{array.path,
                            "one label for each of " + std::to_string(expected_count) + " images",
                            std::to_string(array.dims[0]) + " labels",
                            "Use images and labels of the same set, or move the labels away."});
  std::vector<std::int32_t> labels = label_values(array);
  const std::int32_t lowest = *std::min_element(labels.begin(), labels.end());
  if (lowest < 0)
    throw DataError(Finding{array.path, "labels of 0 or more", "label " + std::to_string(lowest),
                            "Get the label file again."});
  return labels;
}

Images read_images(const std::string& path) { return images_from(read_idx(path)); }

std::vector<std::int32_t> read_labels(const std::string& path, std::int64_t expected_count) {
  return labels_from(read_idx(path), expected_count);
}

}  // namespace hourglass
