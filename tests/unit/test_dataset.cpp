#include <filesystem>

#include "data/split.h"
#include "hourglass/data.h"
#include "support/catch.h"
#include "support/data_files.h"

namespace {

using namespace hourglass;
using namespace hourglass::test;
using Catch::Matchers::Contains;

std::string write_images(const std::string& path, std::uint32_t count, std::uint32_t side = 2) {
  std::string pixels;
  for (std::uint32_t i = 0; i < count; ++i) pixels.append(side * side, static_cast<char>(i % 250));
  return write_file(path, idx_bytes(0x08, {count, side, side}, pixels));
}

std::string dataset_error(const std::string& source) {
  return message_of<DataError>([&] { load_dataset({source}); });
}

int first_pixel(const Images& images) { return std::to_integer<int>(images.pixels[0]); }

}  // namespace

TEST_CASE("split: MNIST's parts, small sets, and no image in two parts") {
  const Split mnist = split_images(60'000, -1, true);
  CHECK(mnist.train.first == 5'000);
  CHECK(mnist.train.last == 60'000);
  for (std::int64_t count = 1; count <= 100; ++count)
    for (const bool has_test : {false, true}) {
      const Split split = split_images(count, -1, has_test);
      INFO("count " << count << ", test file " << has_test);
      REQUIRE(split.train.last > split.train.first);
      REQUIRE(split.validation.last > split.validation.first);
      REQUIRE(split.test.last > split.test.first);
      REQUIRE(split.note.empty() == (count >= 12));
      if (count < 12) continue;
      REQUIRE(split.validation.first == 0);
      REQUIRE(split.validation.last == split.train.first);
      if (!has_test) {
        REQUIRE(split.test.first == split.train.last);
        REQUIRE(split.test.last == count);
      }
    }
  CHECK(split_images(1'000'000, -1, true).validation.last == 5'000);
  CHECK(split_images(10, 3, true).validation.last == 3);
  CHECK_FALSE(split_images(10, 0, true).note.empty());
  CHECK_THROWS_AS(split_images(10, 10, true), UsageError);
}

TEST_CASE("data set: one file, two files, a folder") {
  const TemporaryFolder folder;
  const std::string train = write_images(folder / "train-images-idx3-ubyte", 24);
  const DataSet one = load_dataset({train});
  CHECK(one.validation.count == 2);
  CHECK(one.train.count == 18);
  CHECK(one.test.count == 4);
  CHECK(first_pixel(one.train) == 2);
  CHECK(first_pixel(one.test) == 20);
  REQUIRE(one.files.size() == 1);
  CHECK(one.files[0].path == train);
  CHECK(one.files[0].sha256.size() == 64);

  CHECK_THAT(dataset_error(folder / ""), Contains("no t10k-images-idx3-ubyte"));
  const std::string test = write_images(folder / "t10k-images-idx3-ubyte.gz", 90);
  for (const std::string& source : {train + "," + test, folder / ""}) {
    const DataSet set = load_dataset({source});
    CHECK(set.name == source);
    CHECK(set.train.count == 22);
    CHECK(set.test.count == 90);  // larger than the training set
    CHECK(set.files.size() == 2);
  }
}

TEST_CASE("data set: too small for parts of its own") {
  const TemporaryFolder folder;
  const DataSet set = load_dataset({write_images(folder / "five", 5, 50)});
  CHECK(set.train.count == 5);
  CHECK(set.validation.count == 5);
  CHECK(set.test.count == 5);
  CHECK(set.train.width() == 2500);
  CHECK_THAT(set.note, Contains("validation and test"));
}

TEST_CASE("data set: limit and validation") {
  const TemporaryFolder folder;
  const std::string path = write_images(folder / "a", 60);
  DataRequest request{path, 20, 7};
  const DataSet set = load_dataset(request);
  CHECK(set.train.count == 7);
  CHECK(first_pixel(set.train) == 20);
  CHECK(set.validation.count == 7);
  CHECK(set.test.count == 7);
  request.limit = 0;
  CHECK_THROWS_AS(load_dataset(request), UsageError);
  CHECK_THROWS_AS(load_dataset({path, 50}), UsageError);
}

TEST_CASE("data set: labels beside the images are cut like them and must fit") {
  const TemporaryFolder folder;
  const std::string path = write_images(folder / "x-images-idx3-ubyte", 24);
  std::string values;
  for (int i = 0; i < 24; ++i) values += static_cast<char>(i);
  write_file(folder / "x-labels-idx1-ubyte.gz", gzip_bytes(idx_bytes(0x08, {24}, values)));
  DataLabels labels;
  const DataSet set = load_dataset({path}, &labels);
  CHECK(set.files.size() == 2);
  CHECK(labels.validation == std::vector<std::int32_t>{0, 1});
  CHECK(labels.train.front() == 2);
  CHECK(labels.test == std::vector<std::int32_t>{20, 21, 22, 23});
  write_file(folder / "x-labels-idx1-ubyte.gz", idx_bytes(0x08, {23}, values.substr(1)));
  CHECK_THAT(dataset_error(path), Contains("24 images") && Contains("23 labels"));
}

TEST_CASE("data set: bad sources are named, with a suggestion") {
  const TemporaryFolder folder;
  CHECK_THAT(dataset_error("mnits"), Contains("Did you mean mnist?"));
  CHECK_THAT(dataset_error("stroke"), Contains("Did you mean strokes?"));
  CHECK_THAT(dataset_error("something"), Contains("no such name or file"));
  CHECK_THAT(dataset_error(folder / "none"), Contains("no such file"));
  const std::string train = write_images(folder / "a", 24, 2);
  const std::string test = write_images(folder / "b", 24, 3);
  CHECK_THAT(dataset_error(train + "," + test), Contains("4 pixels") && Contains("9 pixels"));
  CHECK_THAT(dataset_error(train + "," + (folder / "none")),
             Contains("none") && Contains("no such file"));
}

TEST_CASE("data set: strokes of any count") {
  DataLabels labels;
  const DataSet set = load_dataset({"strokes:110"}, &labels);
  CHECK(set.builtin);
  CHECK_THAT(set.note, Contains("not real data"));
  CHECK(set.train.count == 110);
  CHECK(set.validation.count == 10);
  CHECK(set.test.count == 20);
  CHECK(labels.test[13] == 3);
  const DataSet one = load_dataset({"strokes:1"});
  CHECK(one.train.count == 1);
  CHECK(one.validation.count == 1);
  CHECK(one.test.count == 1);
  for (const char* bad :
       {"strokes:", "strokes:0", "strokes:-3", "strokes:5x", "strokes:99999999999"})
    CHECK_THROWS_AS(load_dataset({bad}), UsageError);
}

TEST_CASE("describe: range, mean, share of zeros, labels") {
  const TemporaryFolder folder;
  const std::string path =
      write_file(folder / "a", idx_bytes(0x08, {2, 1, 2}, std::string("\0\0\4\10", 4)));
  const ImagesInfo info = describe(read_images(path), std::vector<std::int32_t>{7, 7});
  CHECK(info.count == 2);
  CHECK(info.min == 0.0);
  CHECK(info.max == 8.0);
  CHECK(info.mean == 3.0);
  CHECK(info.zero_share == 0.5);
  CHECK(info.labels == std::map<std::int32_t, std::int64_t>{{7, 2}});

  const std::vector<float> values{0.25F, 0.75F};
  Images floats;
  floats.pixels = reinterpret_cast<const std::byte*>(values.data());
  floats.type = PixelType::f32;
  floats.count = 1;
  floats.rows = 1;
  floats.cols = 2;
  const ImagesInfo float_info = describe(floats);
  CHECK(float_info.min == 0.25);
  CHECK(float_info.max == 0.75);
  CHECK(float_info.mean == 0.5);
  CHECK(float_info.zero_share == 0.0);
}
