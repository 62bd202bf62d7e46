#include "data/gzip.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "hourglass/error.h"

namespace hourglass {
namespace {

// zlib counts in 32 bits.
uInt piece_size(std::size_t bytes) {
  return static_cast<uInt>(std::min<std::size_t>(bytes, std::numeric_limits<uInt>::max()));
}

}  // namespace

bool is_gzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

Inflater::Inflater(std::string path, std::span<const std::byte> compressed)
    : path_(std::move(path)), waiting_(compressed) {
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() { inflateEnd(&stream_); }

void Inflater::fail(const std::string& found) const {
  throw DataError(Finding{path_, "a whole gzip file", found, "Get the file again."});
}

std::size_t Inflater::read(std::span<std::byte> out) {
  std::size_t written = 0;
  while (!ended_ && written < out.size()) {
    if (stream_.avail_in == 0) {
      stream_.avail_in = piece_size(waiting_.size());
      // zlib's interface predates const; it does not write to its input.
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(waiting_.data()));
      waiting_ = waiting_.subspan(stream_.avail_in);
    }
    const uInt wanted = piece_size(out.size() - written);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    stream_.avail_out = wanted;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    written += wanted - stream_.avail_out;
    if (status == Z_STREAM_END) {
      ended_ = true;
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status == Z_BUF_ERROR || (status == Z_OK && stream_.avail_out > 0 &&
                                         stream_.avail_in == 0 && waiting_.empty())) {
      fail("a truncated gzip stream");
    } else if (status != Z_OK) {
      fail(std::string("damaged gzip data (") + (stream_.msg ? stream_.msg : "preset dictionary") +
           ")");
    }
  }
  return written;
}

std::size_t Inflater::trailing_bytes() const { return stream_.avail_in + waiting_.size(); }

}  // namespace hourglass
