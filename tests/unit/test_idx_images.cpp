#include <algorithm>
#include <cstring>
#include <limits>

#include "hourglass/data.h"
#include "support/catch.h"
#include "support/data_files.h"

namespace {

using namespace hourglass;
using namespace hourglass::test;
using Catch::Matchers::Contains;

template <typename T>
std::string big_endian(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    char* one = bytes.data() + i * sizeof(T);
    std::memcpy(one, &values[i], sizeof(T));
    std::reverse(one, one + sizeof(T));
  }
  return bytes;
}

std::vector<float> network_input(const Images& images) {
  std::vector<float> values(static_cast<std::size_t>(images.count * images.width()));
  for (std::int64_t i = 0; i < images.count; ++i)
    images.read(i, values.data() + i * images.width());
  return values;
}

std::string image_error(const std::string& path) {
  return message_of<DataError>([&] { read_images(path); });
}

}  // namespace

TEST_CASE("images: shapes of rank 2, 3 and more") {
  const TemporaryFolder folder;
  const auto shape = [&](const std::vector<std::uint32_t>& dims, std::size_t bytes) {
    const Images images =
        read_images(write_file(folder / "a", idx_bytes(0x08, dims, std::string(bytes, 'x'))));
    return std::vector<std::int64_t>{images.count, images.rows, images.cols};
  };
  CHECK(shape({4, 6}, 24) == std::vector<std::int64_t>{4, 1, 6});
  CHECK(shape({4, 2, 3}, 24) == std::vector<std::int64_t>{4, 2, 3});
  CHECK(shape({2, 2, 3, 2}, 24) == std::vector<std::int64_t>{2, 2, 6});
  CHECK(shape({2, 2, 3, 2, 5}, 120) == std::vector<std::int64_t>{2, 2, 30});
  CHECK_THAT(image_error(write_file(folder / "b", idx_bytes(0x08, {4}, "abcd"))),
             Contains("rank 1") && Contains("labels"));
}

TEST_CASE("images: every type gives the same pixels") {
  const TemporaryFolder folder;
  const auto check = [&](int type, const std::string& payload, PixelType expected) {
    const std::string bytes = idx_bytes(type, {2, 1, 2}, payload);
    for (const std::string& contents : {bytes, gzip_bytes(bytes)}) {
      const Images images = read_images(write_file(folder / "a", contents));
      REQUIRE(images.type == expected);
      REQUIRE(network_input(images) ==
              std::vector<float>{0.0F, 1.0F / 255, 100.0F / 255, 127.0F / 255});
    }
  };
  check(0x08, big_endian<std::uint8_t>({0, 1, 100, 127}), PixelType::u8);
  check(0x09, big_endian<std::int8_t>({0, 1, 100, 127}), PixelType::u8);
  check(0x0B, big_endian<std::int16_t>({0, 1, 100, 127}), PixelType::u8);
  check(0x0C, big_endian<std::int32_t>({0, 1, 100, 127}), PixelType::u8);
  check(0x0D, big_endian<float>({0.0F, 1.0F / 255, 100.0F / 255, 127.0F / 255}), PixelType::f32);
  check(0x0E, big_endian<double>({0.0, 1.0F / 255, 100.0F / 255, 127.0F / 255}), PixelType::f32);
}

TEST_CASE("images: the ends of each range are taken, what lies beyond is refused") {
  const TemporaryFolder folder;
  const auto error = [&](int type, const std::string& payload, std::uint32_t count) {
    return image_error(write_file(folder / "a", idx_bytes(type, {count, 1}, payload)));
  };
  CHECK(error(0x0B, big_endian<std::int16_t>({0, 255}), 2) == "no error");
  CHECK(error(0x0D, big_endian<float>({0.0F, 1.0F}), 2) == "no error");
  CHECK_THAT(error(0x09, big_endian<std::int8_t>({5, -1}), 2), Contains("-1 to 5"));
  CHECK_THAT(error(0x0B, big_endian<std::int16_t>({0, 256}), 2), Contains("0 to 256"));
  CHECK_THAT(error(0x0C, big_endian<std::int32_t>({-7, 70000}), 2), Contains("-7 to 70000"));
  CHECK_THAT(error(0x0D, big_endian<float>({0.0F, 255.0F}), 2),
             Contains("0 to 255") && Contains("Scale"));
  CHECK_THAT(error(0x0E, big_endian<double>({-0.5, 0.25}), 2), Contains("-0.5 to 0.25"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THAT(error(0x0D, big_endian<float>({0.0F, 0.5F, nan}), 3),
             Contains("NaN") && Contains("image 2"));
  CHECK_THAT(error(0x0E, big_endian<double>({std::numeric_limits<double>::infinity()}), 1),
             Contains("infinite") && Contains("image 0"));
}

TEST_CASE("images: values outlive the file's name and the array") {
  const TemporaryFolder folder;
  const std::string path = write_file(folder / "a", idx_bytes(0x08, {1, 1, 3}, "xyz"));
  const Images images = read_images(path).slice(0, 1);
  std::filesystem::remove(path);
  CHECK(std::memcmp(images.row(0), "xyz", 3) == 0);
}

TEST_CASE("labels: types, QMNIST's first column, counts") {
  const TemporaryFolder folder;
  const auto labels = [&](int type, const std::vector<std::uint32_t>& dims,
                          const std::string& payload) {
    return read_labels(write_file(folder / "l", idx_bytes(type, dims, payload)), 2);
  };
  const std::vector<std::int32_t> expected{3, 9};
  CHECK(labels(0x08, {2}, "\3\t") == expected);
  CHECK(labels(0x09, {2}, "\3\t") == expected);
  CHECK(labels(0x0B, {2}, big_endian<std::int16_t>({3, 9})) == expected);
  CHECK(labels(0x0C, {2}, big_endian<std::int32_t>({3, 9})) == expected);
  CHECK(labels(0x0C, {2, 3}, big_endian<std::int32_t>({3, 0, 1, 9, 1, 0})) == expected);

  const auto error = [&](int type, const std::vector<std::uint32_t>& dims,
                         const std::string& payload) {
    return message_of<DataError>([&] { labels(type, dims, payload); });
  };
  CHECK_THAT(error(0x08, {3}, "abc"), Contains("2 images") && Contains("3 labels"));
  CHECK_THAT(error(0x09, {2}, "\3\xFF"), Contains("label -1"));
  CHECK_THAT(error(0x0D, {2}, std::string(8, '\0')), Contains("f32"));
  CHECK_THAT(error(0x08, {2, 1, 1}, "ab"), Contains("rank 3"));
}

TEST_CASE("write_idx: what is written reads back the same, u8 and f32") {
  const TemporaryFolder folder;
  const std::string path = folder / "out";
  const Images drawn = draw_strokes(0, 7, 1);
  write_idx(path, drawn);
  const Images bytes = read_images(path);
  REQUIRE(bytes.count == 7);
  REQUIRE(bytes.rows == 28);
  CHECK(std::memcmp(bytes.pixels, drawn.pixels, 7 * 784) == 0);

  std::vector<float> values(3 * 20'000);  // more than one piece of the writer
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 60'000.0F;
  Images floats;
  floats.pixels = reinterpret_cast<const std::byte*>(values.data());
  floats.type = PixelType::f32;
  floats.count = 3;
  floats.rows = 100;
  floats.cols = 200;
  write_idx(path, floats);
  CHECK(network_input(read_images(path)) == values);

  write_idx_labels(path, std::vector<std::int32_t>{0, 255, 7});
  CHECK(read_labels(path, 3) == std::vector<std::int32_t>{0, 255, 7});
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
}

TEST_CASE("write_idx: an unwritable place is an IoError and leaves nothing behind") {
  const TemporaryFolder folder;
  const auto error =
      message_of<IoError>([&] { write_idx(folder / "none/out", draw_strokes(0, 1, 1)); });
  CHECK_THAT(error, Contains("cannot create"));
  const auto label_error = message_of<IoError>(
      [&] { write_idx_labels(folder / "labels", std::vector<std::int32_t>{256}); });
  CHECK_THAT(label_error, Contains("label 256"));
  CHECK(std::filesystem::is_empty(folder / ""));
}
