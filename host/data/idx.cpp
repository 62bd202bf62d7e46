#include "data/idx.h"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include "data/gzip.h"
#include "hourglass/error.h"

namespace hourglass {
namespace {

constexpr std::size_t max_header_bytes = 4 + 4 * max_idx_rank;
constexpr const char* expected_idx = "an IDX file (bytes 00 00, type, rank, dimensions, values)";

struct Header {
  IdxType type = IdxType::u8;
  std::vector<std::int64_t> dims;
  std::size_t header_bytes = 0;
  std::uint64_t payload_bytes = 0;
};

struct Magic {
  std::string_view bytes;
  const char* what;
};

// Files that get mistaken for IDX, so that the message can name them.
constexpr std::array known_files{
    Magic{"PK", "a zip archive; unzip it first"},
    Magic{"\x89PNG", "a PNG picture"},
    Magic{"\x93NUMPY", "a NumPy array (.npy)"},
    Magic{"\x89HDF", "an HDF5 file"},
    Magic{"BZh", "a bzip2 file; decompress it first"},
    Magic{"\xfd"
          "7zXZ",
          "an xz file; decompress it first"},
    Magic{"\x28\xb5\x2f\xfd", "a zstd file; decompress it first"},
    Magic{"\x1f\x8b", "a gzip file inside a gzip file"},
    Magic{"<", "a web page or XML; the download went wrong"},
};

std::string hex(std::byte value) {
  constexpr char digits[] = "0123456789abcdef";
  const auto v = std::to_integer<unsigned>(value);
  return {digits[v >> 4], digits[v & 15U]};
}

std::string magic_text(std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  for (const Magic& known : known_files)
    if (text.starts_with(known.bytes)) return known.what;
  return "first bytes " + hex(head[0]) + " " + hex(head[1]) + " (wrong magic)";
}

[[noreturn]] void refuse_idx(const std::string& path, const std::string& expected,
                             const std::string& found) {
  throw DataError(Finding{path, expected, found, "Get the file again or name another one."});
}

bool known_type(std::byte code) {
  const auto value = std::to_integer<unsigned>(code);
  return value == 0x08 || value == 0x09 || (value >= 0x0B && value <= 0x0E);
}

std::uint32_t big_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes.first(4))
    value = (value << 8) | std::to_integer<unsigned>(byte);
  return value;
}

// `head` is the start of the contents: all of them where they are shorter than the longest header.
Header parse_header(const std::string& path, std::span<const std::byte> head) {
  if (head.empty()) refuse_idx(path, expected_idx, "an empty file");
  if (head.size() < 4)
    refuse_idx(path, expected_idx,
               "a truncated header of " + std::to_string(head.size()) + " bytes");
  if (head[0] != std::byte{0} || head[1] != std::byte{0})
    refuse_idx(path, expected_idx, magic_text(head));
  if (!known_type(head[2]))
    refuse_idx(path, "an IDX type (08 u8, 09 i8, 0b i16, 0c i32, 0d f32, 0e f64)",
               "unknown type " + hex(head[2]));

  Header header;
  header.type = static_cast<IdxType>(head[2]);
  const auto rank = std::to_integer<std::size_t>(head[3]);
  if (rank < 1 || rank > max_idx_rank)
    refuse_idx(path, "a rank of 1 to " + std::to_string(max_idx_rank),
               "rank " + std::to_string(rank));
  header.header_bytes = 4 + 4 * rank;
  if (head.size() < header.header_bytes)
    refuse_idx(path, "a header of " + std::to_string(header.header_bytes) + " bytes",
               "a truncated header of " + std::to_string(head.size()) + " bytes");
  for (std::size_t axis = 0; axis < rank; ++axis)
    header.dims.push_back(big_endian(head.subspan(4 + 4 * axis)));

  header.payload_bytes = idx_value_bytes(header.type);
  for (const std::int64_t dim : header.dims) {
    const std::string found = "a header claiming " + shape_text(header.dims);
    if (dim == 0) refuse_idx(path, "dimensions larger than zero", found);
    if (__builtin_mul_overflow(header.payload_bytes, static_cast<std::uint64_t>(dim),
                               &header.payload_bytes))
      refuse_idx(path, "dimensions whose product fits in memory", found + " (overflow)");
  }
  return header;
}

std::string claim(const Header& header) {
  return std::to_string(header.payload_bytes) +
         " bytes of values (header: " + shape_text(header.dims) + " " + idx_type_name(header.type) +
         ")";
}

[[noreturn]] void refuse_size(const std::string& path, const Header& header,
                              std::uint64_t found_bytes) {
  const bool short_of = found_bytes < header.payload_bytes;
  refuse_idx(
      path, claim(header),
      std::to_string(found_bytes) + (short_of ? " bytes (truncated)" : " bytes (trailing bytes)"));
}

IdxArray read_plain(const std::shared_ptr<const MappedFile>& file) {
  const auto bytes = file->bytes();
  const Header header =
      parse_header(file->path(), bytes.first(std::min(bytes.size(), max_header_bytes)));
  const auto payload = bytes.subspan(header.header_bytes);
  if (payload.size() != header.payload_bytes) refuse_size(file->path(), header, payload.size());
  return {file->path(), header.type, header.dims, file, payload};
}

IdxArray read_gzip(const std::shared_ptr<const MappedFile>& file) {
  const std::string& path = file->path();
  Inflater contents(path, file->bytes());
  std::array<std::byte, max_header_bytes> buffer{};
  const auto head = std::span(buffer).first(contents.read(buffer));
  const Header header = parse_header(path, head);

  if (header.payload_bytes / max_inflation > file->bytes().size())
    refuse_idx(
        path, claim(header),
        "a gzip file of " + std::to_string(file->bytes().size()) + " bytes, too small for that");
  if (header.payload_bytes > max_unpacked_bytes)
    refuse_idx(path,
               "at most " + std::to_string(max_unpacked_bytes) + " bytes to unpack (a plain " +
                   "file is mapped and may be larger)",
               claim(header));

  const auto early = head.subspan(header.header_bytes);  // values that came with the header
  if (early.size() > header.payload_bytes) refuse_size(path, header, early.size());
  const auto values = data_buffer(path, header.payload_bytes);
  const std::span<std::byte> out(values.get(), header.payload_bytes);
  std::copy(early.begin(), early.end(), out.begin());
  const std::size_t filled = early.size() + contents.read(out.subspan(early.size()));
  if (filled < out.size()) refuse_size(path, header, filled);

  // One byte more must not come: this read reaches the stream's end and checks its CRC.
  std::array<std::byte, 1> beyond{};
  if (contents.read(beyond) > 0) refuse_idx(path, claim(header), "more than that (trailing bytes)");
  if (contents.trailing_bytes() > 0)
    refuse_idx(path, "the end of the file after the gzip stream",
               std::to_string(contents.trailing_bytes()) + " trailing bytes");
  return {path, header.type, header.dims, values, out};
}

}  // namespace

std::string idx_type_name(IdxType type) {
  switch (type) {
    case IdxType::u8:
      return "u8";
    case IdxType::i8:
      return "i8";
    case IdxType::i16:
      return "i16";
    case IdxType::i32:
      return "i32";
    case IdxType::f32:
      return "f32";
    case IdxType::f64:
      return "f64";
  }
  return "?";
}

std::size_t idx_value_bytes(IdxType type) {
  switch (type) {
    case IdxType::u8:
    case IdxType::i8:
      return 1;
    case IdxType::i16:
      return 2;
    case IdxType::i32:
    case IdxType::f32:
      return 4;
    case IdxType::f64:
      return 8;
  }
  return 0;
}

std::string shape_text(std::span<const std::int64_t> dims) {
  std::string text;
  for (const std::int64_t dim : dims) text += (text.empty() ? "" : " x ") + std::to_string(dim);
  return text;
}

IdxArray read_idx(const std::string& path) {
  return read_idx(std::make_shared<const MappedFile>(path));
}

IdxArray read_idx(const std::shared_ptr<const MappedFile>& file) {
  return is_gzip(file->bytes()) ? read_gzip(file) : read_plain(file);
}

std::shared_ptr<std::byte[]> data_buffer(const std::string& path, std::uint64_t bytes) {
  try {
    return std::shared_ptr<std::byte[]>(new std::byte[bytes]);
  } catch (const std::bad_alloc&) {
    throw DataError(Finding{path, "data that fits in memory",
                            std::to_string(bytes) + " bytes to unpack",
                            "Use a smaller set, or plain bytes (u8), which are mapped."});
  }
}

}  // namespace hourglass
