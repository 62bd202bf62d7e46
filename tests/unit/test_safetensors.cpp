#include "hourglass/safetensors.h"

#include <array>
#include <cstring>

#include "files_support.h"
#include "hourglass/error.h"
#include "support/catch.h"

namespace hourglass {
namespace {

using Catch::Matchers::Contains;
using test::contents;
using test::message_of;

std::string file_of(std::uint64_t length, const std::string& header, const std::string& data) {
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + header + data;
}

std::string file_of(const std::string& header, const std::string& data = {}) {
  return file_of(header.size(), header, data);
}

/// The message of reading all of a file of these bytes; empty when it loads.
std::string refusal(const test::ScratchDirectory& scratch, const std::string& bytes) {
  const auto path = scratch / "hostile.safetensors";
  test::put(path, bytes);
  return message_of<ModelError>([&] {
    const SafetensorsReader reader(path);
    for (const TensorInfo& tensor : reader.tensors()) {
      std::vector<std::byte> data(tensor.bytes());
      reader.read(tensor, data.data());
    }
  });
}

std::filesystem::path write_small(const test::ScratchDirectory& scratch) {
  const std::array<float, 6> a{1, 2, 3, 4, 5, 6};
  const std::array<std::int64_t, 2> b{-1, 1LL << 62};
  const std::vector<TensorView> tensors{{"a", Dtype::f32, {2, 3}, a.data()},
                                        {"b", Dtype::i64, {2}, b.data()},
                                        {"empty", Dtype::u8, {0, 7}, nullptr}};
  write_safetensors(scratch / "small.safetensors", tensors, {{"note", "r\xC3\xA9sum\xC3\xA9"}});
  return scratch / "small.safetensors";
}

TEST_CASE("Tensors and metadata come back as they were written") {
  const test::ScratchDirectory scratch;
  const SafetensorsReader reader(write_small(scratch));
  REQUIRE(reader.tensors().size() == 3);
  CHECK(reader.checked());
  CHECK(reader.metadata() == Metadata{{"note", "r\xC3\xA9sum\xC3\xA9"}});
  CHECK(reader.find("c") == nullptr);
  REQUIRE(reader.find("a") != nullptr);
  CHECK(reader.find("a")->shape == std::vector<std::int64_t>{2, 3});
  std::array<float, 6> a{};
  reader.read(*reader.find("a"), a.data());
  CHECK(a == std::array<float, 6>{1, 2, 3, 4, 5, 6});
  std::array<std::int64_t, 2> b{};
  reader.read(*reader.find("b"), b.data());
  CHECK(b == std::array<std::int64_t, 2>{-1, 1LL << 62});
  std::uint64_t length = 0;
  std::memcpy(&length, contents(reader.path()).data(), sizeof length);
  CHECK(length % 8 == 0);
}

TEST_CASE("A file without checksums loads and says that it is not checked") {
  const test::ScratchDirectory scratch;
  test::put(scratch / "x", file_of(R"({"b":{"dtype":"U8","shape":[],"data_offsets":[2,3]},)"
                                   R"("a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                                   R"("__metadata__":{"format":"pt"}}   )",
                                   "xyz"));
  const SafetensorsReader reader(scratch / "x");
  CHECK_FALSE(reader.checked());
  REQUIRE(reader.tensors().size() == 2);
  CHECK(reader.tensors()[0].name == "a");
  char b = 0;
  reader.read(reader.tensors()[1], &b);
  CHECK(b == 'z');
}

TEST_CASE("A file cut at any byte is refused") {
  const test::ScratchDirectory scratch;
  const std::string whole = contents(write_small(scratch));
  REQUIRE(refusal(scratch, whole).empty());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size << " of " << whole.size());
    CHECK_FALSE(refusal(scratch, whole.substr(0, size)).empty());
  }
  CHECK_FALSE(refusal(scratch, whole + '\0').empty());
}

TEST_CASE("Every flipped bit of length, header and data is seen") {
  const test::ScratchDirectory scratch;
  const std::string whole = contents(write_small(scratch));
  std::size_t unchecked = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    if (!refusal(scratch, flipped).empty()) continue;
    // The one thing left: the name of the checksums' own key, which makes the file one without.
    const SafetensorsReader reader(scratch / "hostile.safetensors");
    INFO("bit " << bit);
    CHECK_FALSE(reader.checked());
    CHECK(reader.metadata().size() == 2);
    ++unchecked;
  }
  CHECK(unchecked <= 8 * std::string("crc32").size());
}

TEST_CASE("Hostile headers are refused with the reason") {
  const test::ScratchDirectory scratch;
  const auto tensor = [](const std::string& name, const std::string& rest) {
    return "\"" + name + "\":{" + rest + "}";
  };
  const std::string a = tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[0,2])");
  struct Case {
    std::string header;
    std::string data;
    std::string reason;
  };
  const std::vector<Case> cases{
      {"{" + a + "," + tensor("b", R"("dtype":"U8","shape":[1],"data_offsets":[3,4])") + "}",
       "wxyz", "hole"},
      {"{" + a + "," + tensor("b", R"("dtype":"U8","shape":[2],"data_offsets":[1,3])") + "}", "xyz",
       "overlapping"},
      {"{" + a + "," + a + "}", "xy", "twice"},
      {"{" + a + R"(,"__metadata__":{"k":"1","k":"2"}})", "xy", "twice"},
      {"{" + a + R"(,"__metadata__":{},"__metadata__":{}})", "xy", "twice"},
      {"{" + tensor("a", R"("dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2])") + "}",
       "xy", "twice"},
      {"{" + a + "}", "xyz", "data section of 3 bytes"},
      {"{" + a + "}", "x", "data section of 1 bytes"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[2,0])") + "}", "xy", "2 to 0"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[-2,0])") + "}", "xy",
       "negative"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[-2],"data_offsets":[0,2])") + "}", "xy",
       "negative"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[2.0],"data_offsets":[0,2])") + "}", "xy",
       "fraction"},
      {"{" + tensor("a", R"("dtype":"U8","shape":["2"],"data_offsets":[0,2])") + "}", "xy",
       "string"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[[2]],"data_offsets":[0,2])") + "}", "xy",
       "array"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[3],"data_offsets":[0,2])") + "}", "xy",
       "shape times"},
      {"{" +
           tensor("a", R"("dtype":"F32","shape":[2147483648,2147483648,4],"data_offsets":[0,0])") +
           "}",
       "", "overflow"},
      {"{" + tensor("a", R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,0])") +
           "}",
       "", "63 bits"},
      {"{" + tensor("a", R"("dtype":"F32","shape":[0],"data_offsets":[0,18446744073709551616])") +
           "}",
       "", "huge"},
      {"{" + tensor("a", R"("dtype":"U9","shape":[2],"data_offsets":[0,2])") + "}", "xy", "U9"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[2])") + "}", "xy", "incomplete"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[0,2,2])") + "}", "xy",
       "number"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[0])") + "}", "xy", "two"},
      {"{" + tensor("a", R"("dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1)") + "}", "xy",
       "unknown field"},
      {"{" + a + R"(,"__metadata__":{"k":1}})", "xy", "number"},
      {"{" + a + R"(,"__metadata__":{"k":{}}})", "xy", "object"},
      {"{" + a + R"(,"__metadata__":"k"})", "xy", "string"},
      {"{" + a + R"(,"__metadata__":{"crc32":"[]"}})", "xy", "no JSON object"},
      {"{" + a + R"(,"__metadata__":{"crc32":"{\"a\":\"00000000\"}"}})", "xy", "checksum"},
      {"{" + a + "} {}", "xy", "expected end of input"},
      {"{" + a + std::string("}\0 junk", 7), "xy", "NUL"},
      {" {" + a + "}", "xy", "begin with"},
      {"[1]", "", "begin with"},
      {"{\"a\":null}", "", "null"},
      {"{\"\xFF\":{}}", "", "UTF-8"},
      {"{\"a\":" + std::string(100'000, '[') + "}", "", "array"},
      {"{\"a\":" + std::string(100'000, '{') + "}", "", "parse error"}};
  for (const Case& hostile : cases) {
    INFO(hostile.header.substr(0, 200));
    CHECK_THAT(refusal(scratch, file_of(hostile.header, hostile.data)), Contains(hostile.reason));
  }
}

TEST_CASE("Absurd header lengths are refused before anything is allocated") {
  const test::ScratchDirectory scratch;
  for (const std::uint64_t length :
       {std::uint64_t{100'000'001}, std::uint64_t{1} << 40, ~std::uint64_t{0}, std::uint64_t{3}})
    CHECK_THAT(refusal(scratch, file_of(length, "{}", "")), Contains("header length"));
  CHECK(refusal(scratch, file_of("{}")).empty());
}

TEST_CASE("Deep nesting inside the checksums' JSON is refused") {
  const test::ScratchDirectory scratch;
  const std::string deep(100'000, '[');
  CHECK_THAT(refusal(scratch, file_of(R"({"__metadata__":{"crc32":")" + deep + R"("}})")),
             Contains("nesting"));
}

TEST_CASE("What is no regular file is refused") {
  const test::ScratchDirectory scratch;
  CHECK_THAT(message_of<ModelError>([&] { SafetensorsReader(scratch / "missing"); }),
             Contains("no such file"));
  CHECK_THAT(message_of<ModelError>([&] { SafetensorsReader(scratch.path()); }),
             Contains("regular file"));
  CHECK_THAT(message_of<ModelError>([] { SafetensorsReader("/dev/zero"); }),
             Contains("regular file"));
}

TEST_CASE("A name cannot be written twice") {
  const test::ScratchDirectory scratch;
  const char byte = 0;
  const TensorView tensor{"a", Dtype::u8, {1}, &byte};
  const std::vector<TensorView> tensors{tensor, tensor};
  CHECK_THAT(message_of<ModelError>([&] { write_safetensors(scratch / "x", tensors, {}); }),
             Contains("twice"));
  CHECK(test::files_in(scratch.path()) == 0);
}

}  // namespace
}  // namespace hourglass
