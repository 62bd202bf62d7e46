#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "data/idx.h"
#include "hourglass/error.h"
#include "support/catch.h"
#include "support/data_files.h"
#include "support/skip.h"

namespace {

using namespace hourglass;
using namespace hourglass::test;
using Catch::Matchers::Contains;

const std::string small = idx_bytes(0x08, {3, 2, 2}, "abcdefghijkl");

std::string payload_of(const IdxArray& array) {
  return {reinterpret_cast<const char*>(array.payload.data()), array.payload.size()};
}

std::string idx_error(const std::string& path) {
  return message_of<DataError>([&] { read_idx(path); });
}

/// Address space that is in use now.
std::size_t address_space() {
  std::ifstream status("/proc/self/statm");
  std::size_t pages = 0;
  status >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Lets the process take only so many more bytes: an allocation from a false header would fail
/// with std::bad_alloc instead of DataError's size message.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(std::size_t more) {
    getrlimit(RLIMIT_AS, &before_);
    rlimit limit = before_;
    limit.rlim_cur = address_space() + more;
    setrlimit(RLIMIT_AS, &limit);
  }
  ~AddressSpaceLimit() { setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("IDX: every type and rank is read, plain and gzip") {
  const TemporaryFolder folder;
  const std::vector<std::pair<int, std::size_t>> types{{0x08, 1}, {0x09, 1}, {0x0B, 2},
                                                       {0x0C, 4}, {0x0D, 4}, {0x0E, 8}};
  for (const auto& [type, size] : types) {
    std::vector<std::uint32_t> dims;
    std::size_t values = 1;
    for (std::size_t rank = 1; rank <= 8; ++rank) {
      dims.push_back(static_cast<std::uint32_t>(1 + rank % 3));
      values *= dims.back();
      std::string payload;
      for (std::size_t i = 0; i < values * size; ++i) payload += static_cast<char>(i * 7);
      const std::string bytes = idx_bytes(type, dims, payload);
      for (const std::string& contents : {bytes, gzip_bytes(bytes)}) {
        // The name says nothing about the compression.
        const IdxArray array = read_idx(write_file(folder / "data", contents));
        REQUIRE(static_cast<int>(array.type) == type);
        REQUIRE(array.dims == std::vector<std::int64_t>(dims.begin(), dims.end()));
        REQUIRE(payload_of(array) == payload);
      }
    }
  }
}

TEST_CASE("IDX: a file cut at any byte is refused") {
  const TemporaryFolder folder;
  for (std::size_t length = 0; length < small.size(); ++length) {
    INFO("plain, " << length << " bytes");
    const std::string error = idx_error(write_file(folder / "cut", small.substr(0, length)));
    REQUIRE_THAT(error, Contains("truncated") || Contains("empty"));
  }
  const std::string packed = gzip_bytes(small);
  for (std::size_t length = 0; length < packed.size(); ++length) {
    INFO("gzip, " << length << " bytes");
    REQUIRE(idx_error(write_file(folder / "cut.gz", packed.substr(0, length))) != "no error");
  }
}

TEST_CASE("IDX: a header with any one bit flipped is refused or read as it says") {
  const TemporaryFolder folder;
  const AddressSpaceLimit limit(std::size_t{64} << 20);
  const std::size_t header_bits = 8 * 16;
  int refused = 0;
  for (std::size_t bit = 0; bit < header_bits; ++bit) {
    std::string bytes = small;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    for (const std::string& contents : {bytes, gzip_bytes(bytes)}) {
      const std::string path = write_file(folder / "flipped", contents);
      try {
        const IdxArray array = read_idx(path);
        std::uint64_t expected = idx_value_bytes(array.type);
        for (const std::int64_t dim : array.dims) expected *= static_cast<std::uint64_t>(dim);
        REQUIRE(array.payload.size() == expected);
        REQUIRE(4 + 4 * array.dims.size() + expected == small.size());
      } catch (const DataError&) {
        ++refused;
      }
    }
  }
  CHECK(refused >= 250);  // of 256: only another type of one byte (i8) is consistent
}

TEST_CASE("IDX: a gzip file with any one bit flipped never gives other values") {
  const TemporaryFolder folder;
  const std::string packed = gzip_bytes(small);
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    std::string bytes = packed;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    std::string values = small.substr(16);  // what bits of gzip's own header, its time, leave
    try {
      values = payload_of(read_idx(write_file(folder / "flipped.gz", bytes)));
    } catch (const DataError&) {
      ++refused;
    }
    REQUIRE(values == small.substr(16));
  }
  CHECK(refused >= 8 * (packed.size() - 10));  // all but the 10 bytes of that header
}

TEST_CASE("IDX: trailing bytes are refused") {
  const TemporaryFolder folder;
  CHECK_THAT(idx_error(write_file(folder / "a", small + "x")), Contains("trailing bytes"));
  CHECK_THAT(idx_error(write_file(folder / "b", gzip_bytes(small + "x"))),
             Contains("trailing bytes"));
  CHECK_THAT(idx_error(write_file(folder / "c", gzip_bytes(small + std::string(100, 'x')))),
             Contains("trailing bytes"));
  const std::string longer = idx_bytes(0x08, {10, 100}, std::string(1000, 'y'));
  CHECK_THAT(idx_error(write_file(folder / "f", gzip_bytes(longer + "x"))),
             Contains("more than that (trailing bytes)"));
  CHECK_THAT(idx_error(write_file(folder / "d", gzip_bytes(small) + "x")),
             Contains("trailing bytes"));
  CHECK_THAT(idx_error(write_file(folder / "e", gzip_bytes(small) + gzip_bytes(small))),
             Contains("trailing bytes"));
}

TEST_CASE("IDX: wrong magic, type, rank and dimensions are named") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& contents) {
    return idx_error(write_file(folder / "bad.gz", contents));
  };
  CHECK_THAT(error("PK\3\4 and so on"), Contains("zip archive") && Contains("bad.gz"));
  CHECK_THAT(error("\x89PNG\r\n"), Contains("PNG"));
  CHECK_THAT(error("<html>404"), Contains("web page"));
  CHECK_THAT(error("\x12\x34\x08\x01"), Contains("wrong magic"));
  CHECK_THAT(error(gzip_bytes("PK\3\4 and so on")), Contains("zip archive"));
  CHECK_THAT(error(gzip_bytes(gzip_bytes(small))), Contains("gzip file inside"));
  CHECK_THAT(error(gzip_bytes("")), Contains("empty"));
  for (const int type : {0x00, 0x07, 0x0A, 0x0F, 0xFF})
    CHECK_THAT(error(idx_bytes(type, {1}, "x")), Contains("unknown type"));
  CHECK_THAT(error(idx_bytes(0x08, {}, "x")), Contains("rank 0"));
  CHECK_THAT(error(idx_bytes(0x08, std::vector<std::uint32_t>(9, 1), "x")), Contains("rank 9"));
  CHECK_THAT(error(idx_bytes(0x08, {0, 28, 28}, "")), Contains("0 x 28 x 28"));
  CHECK_THAT(error(idx_bytes(0x08, {3, 0}, "")), Contains("larger than zero"));
}

TEST_CASE("IDX: overflowing and absurd headers are refused before anything is allocated") {
  const TemporaryFolder folder;
  const AddressSpaceLimit limit(std::size_t{64} << 20);
  const std::uint32_t most = 0xFFFFFFFFU;
  const std::vector<std::vector<std::uint32_t>> shapes{
      {most, most, most},       // overflows
      {1U << 31, 1U << 31, 4},  // 2^64: wraps to 0
      {1U << 20, 1U << 20},     // 2^40 images
      {most, most, most, most, most, most, most, most},
      {1U << 28}};  // 256 MiB
  for (const auto& shape : shapes)
    for (const int type : {0x08, 0x0E}) {
      const std::string bytes = idx_bytes(type, shape, "abcd");
      for (const std::string& contents : {bytes, gzip_bytes(bytes)}) {
        const std::string error = idx_error(write_file(folder / "absurd", contents));
        REQUIRE_THAT(
            error, Contains("overflow") || Contains("truncated") || Contains("too small for that"));
      }
    }
}

TEST_CASE("IDX: what is not a readable file is named") {
  const TemporaryFolder folder;
  CHECK_THAT(idx_error(folder / "missing"), Contains("no such file"));
  CHECK_THAT(idx_error(folder / ""), Contains("a directory"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(idx_error(folder / "pipe"), Contains("a pipe or device"));
}

TEST_CASE("IDX: a file without read permission is named") {
  if (geteuid() == 0) {
    skip("root may read every file");
    return;
  }
  const TemporaryFolder folder;
  const std::string path = write_file(folder / "closed", small);
  REQUIRE(chmod(path.c_str(), 0) == 0);
  CHECK_THAT(idx_error(path), Contains("ermission"));
}
