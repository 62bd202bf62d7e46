#include "hourglass/png.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "files/posix.h"
#include "hourglass/atomic_file.h"
#include "hourglass/error.h"

namespace hourglass {
namespace {

constexpr std::uint64_t largest_file = std::uint64_t{1} << 30;
constexpr std::array<unsigned char, 12> last_chunk{0,   0,   0,    0,    'I',  'E',
                                                   'N', 'D', 0xAE, 0x42, 0x60, 0x82};

/// libpng's "simplified" interface: it keeps setjmp inside the library, so that no longjmp crosses
/// a C++ frame.
class Image {
 public:
  Image() { control_.version = PNG_IMAGE_VERSION; }
  ~Image() { png_image_free(&control_); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;
  png_image* operator->() { return &control_; }
  png_image* get() { return &control_; }

 private:
  png_image control_{};
};

[[noreturn]] void refuse_png(const std::filesystem::path& path, const std::string& found) {
  throw DataError(
      Finding{path.string(), "a whole PNG file", found, "Write the picture anew as PNG."});
}

}  // namespace

void write_png(const std::filesystem::path& path, const Picture& picture) {
  if (picture.rows < 1 || picture.cols < 1 || (picture.channels != 1 && picture.channels != 3) ||
      std::cmp_not_equal(picture.pixels.size(), picture.rows * picture.cols * picture.channels))
    throw std::invalid_argument("a picture whose sizes do not fit together");
  Image image;
  image->width = static_cast<png_uint_32>(picture.cols);
  image->height = static_cast<png_uint_32>(picture.rows);
  image->format = picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(*image.get());
  std::string file(size, '\0');
  if (png_image_write_to_memory(image.get(), file.data(), &size, 0, picture.pixels.data(), 0,
                                nullptr) == 0)
    throw IoError(path.string() + ": libpng cannot encode the picture: " + image->message);
  file.resize(size);
  write_file(path, file);
}

Picture read_gray_png(const std::filesystem::path& path) {
  const InputFile input(path, {"a PNG file", "Check the path.", raise<DataError>});
  if (input.size() > largest_file) refuse_png(path, std::to_string(input.size()) + " bytes");
  std::vector<unsigned char> file(input.size());
  input.read(0, file.data(), file.size());
  Image image;
  if (png_image_begin_read_from_memory(image.get(), file.data(), file.size()) == 0)
    refuse_png(path, image->message);
  // libpng stops at the last pixel and would not miss the file's end.
  if (!std::equal(last_chunk.rbegin(), last_chunk.rend(), file.rbegin(),
                  file.rbegin() + std::min<std::ptrdiff_t>(12, std::ssize(file))))
    refuse_png(path, "a file that does not end with the IEND chunk");
  Picture picture{image->height, image->width, 1, {}};
  if (std::max(picture.rows, picture.cols) > longest_png_side)
    throw DataError(Finding{path.string(),
                            "sides of at most " + std::to_string(longest_png_side) + " pixels",
                            std::to_string(picture.cols) + "x" + std::to_string(picture.rows),
                            "Scale the picture down."});
  image->format = PNG_FORMAT_GRAY;
  image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // as 8-bit files without a gamma are taken
  picture.pixels.resize(static_cast<std::size_t>(picture.rows * picture.cols));
  const png_color black{0, 0, 0};
  if (png_image_finish_read(image.get(), &black, picture.pixels.data(), 0, nullptr) == 0)
    refuse_png(path, image->message);
  return picture;
}

}  // namespace hourglass
