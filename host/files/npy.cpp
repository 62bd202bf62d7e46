#include "hourglass/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "files/npy_header.h"
#include "files/posix.h"
#include "hourglass/error.h"

namespace hourglass {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

constexpr std::uint64_t longest_npy_header = 1 << 20;
constexpr std::int64_t block_bytes = 1 << 20;
constexpr std::string_view magic = "\x93NUMPY";

constexpr FileKind npy_kind{
    "a .npy file", "Check the path; `hourglass encode` writes codes, numpy.save any array.",
    raise<DataError>};

enum class Element { f4, f8, u1 };

std::int64_t byte_size(Element element) {
  return element == Element::f4 ? 4 : element == Element::f8 ? 8 : 1;
}

Element parse_element(const std::string& descr) {
  if (descr == "<f4") return Element::f4;
  if (descr == "<f8") return Element::f8;
  if (descr == "|u1" || descr == "<u1") return Element::u1;
  if (descr.starts_with("|O") || descr == "O")
    throw NpyError("Python objects (a pickle), which are never read");
  throw NpyError("elements of type '" + descr + "'");
}

template <typename Source>
void convert(const std::byte* bytes, std::int64_t count, float* out, std::int64_t stride) {
  for (std::int64_t i = 0; i < count; ++i) {
    Source value;
    std::memcpy(&value, bytes + i * static_cast<std::int64_t>(sizeof value), sizeof value);
    out[i * stride] = static_cast<float>(value);
  }
}

}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& path, std::int64_t cols)
    : file_(path), cols_(cols) {
  const std::string header = npy_header(0, cols_);
  file_.write(header.data(), header.size());
}

void NpyWriter::append(const float* values, std::int64_t rows) {
  file_.write(values, static_cast<std::size_t>(rows * cols_) * sizeof(float));
  rows_ += rows;
}

void NpyWriter::commit() {
  const std::string header = npy_header(rows_, cols_);
  file_.write_at(0, header.data(), header.size());
  file_.commit();
}

class NpyReader::Array {
 public:
  explicit Array(const std::filesystem::path& path) : input_(path, npy_kind) {
    try {
      read_header();
    } catch (const NpyError& error) {
      throw DataError(Finding{path.string(),
                              "a .npy file of rank 1 or 2 of float32, float64 "
                              "(little-endian) or uint8",
                              error.what(),
                              "Write it with numpy.save(path, array.astype(numpy.float32))."});
    }
  }

  void read_rows(std::int64_t first, std::int64_t count, float* out) const {
    if (!fortran_order_) {
      read_run(first * cols, count * cols, out, 1);
    } else {
      for (std::int64_t c = 0; c < cols; ++c) read_run(c * rows + first, count, out + c, cols);
    }
  }

  std::int64_t rows = 0;
  std::int64_t cols = 0;

 private:
  void read_header() {
    if (input_.size() < 10) throw NpyError(std::to_string(input_.size()) + " bytes");
    unsigned char start[12] = {};
    input_.read(0, start, 10);
    if (std::memcmp(start, magic.data(), magic.size()) != 0)
      throw NpyError("a file that does not begin as a .npy file");
    const int version = start[6];
    if (version < 1 || version > 3) throw NpyError("version " + std::to_string(version));
    const std::uint64_t preamble = version == 1 ? 10 : 12;
    if (input_.size() < preamble) throw NpyError("a file cut inside its header");
    input_.read(0, start, preamble);
    std::uint32_t length = start[8] | std::uint32_t{start[9]} << 8;
    if (version > 1) length |= std::uint32_t{start[10]} << 16 | std::uint32_t{start[11]} << 24;
    if (length > longest_npy_header || length > input_.size() - preamble)
      throw NpyError("a header of " + std::to_string(length) + " bytes in a file of " +
                     std::to_string(input_.size()));
    std::string text(length, '\0');
    input_.read(preamble, text.data(), text.size());
    data_offset_ = preamble + length;
    take_header(parse_npy_header(text));
  }

  void take_header(const NpyHeader& header) {
    element_ = parse_element(header.descr);
    fortran_order_ = header.fortran_order;
    if (header.shape.empty() || header.shape.size() > 2)
      throw NpyError("rank " + std::to_string(header.shape.size()));
    rows = header.shape.size() == 2 ? header.shape[0] : 1;
    cols = header.shape.back();
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(rows, cols, &bytes) ||
        __builtin_mul_overflow(bytes, byte_size(element_), &bytes))
      throw NpyError("a shape whose size overflows");
    if (std::cmp_not_equal(input_.size() - data_offset_, bytes))
      throw NpyError(std::to_string(input_.size() - data_offset_) + " bytes of data where " +
                     std::to_string(bytes) + " belong");
  }

  /// Reads `count` elements from element `first` of the file on, to out[0], out[stride], ...
  void read_run(std::int64_t first, std::int64_t count, float* out, std::int64_t stride) const {
    const std::int64_t size = byte_size(element_);
    const std::uint64_t offset = data_offset_ + static_cast<std::uint64_t>(first * size);
    if (element_ == Element::f4 && stride == 1) {
      input_.read(offset, out, static_cast<std::size_t>(count * size));
      return;
    }
    std::vector<std::byte> block(static_cast<std::size_t>(std::min(count * size, block_bytes)));
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t part = std::min(count - done, block_bytes / size);
      input_.read(offset + static_cast<std::uint64_t>(done * size), block.data(),
                  static_cast<std::size_t>(part * size));
      float* target = out + done * stride;
      if (element_ == Element::f4) convert<float>(block.data(), part, target, stride);
      if (element_ == Element::f8) convert<double>(block.data(), part, target, stride);
      if (element_ == Element::u1) convert<std::uint8_t>(block.data(), part, target, stride);
      done += part;
    }
  }

  InputFile input_;
  std::uint64_t data_offset_ = 0;
  Element element_ = Element::f4;
  bool fortran_order_ = false;
};

NpyReader::NpyReader(const std::filesystem::path& path) : array_(std::make_unique<Array>(path)) {}
NpyReader::~NpyReader() = default;

std::int64_t NpyReader::rows() const { return array_->rows; }
std::int64_t NpyReader::cols() const { return array_->cols; }

void NpyReader::read_rows(std::int64_t first, std::int64_t count, float* out) const {
  if (first < 0 || count < 0 || first > rows() || count > rows() - first)
    throw std::out_of_range("rows outside the array");
  array_->read_rows(first, count, out);
}

}  // namespace hourglass
