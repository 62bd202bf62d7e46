#include "hourglass/npy.h"

#include <cstring>

#include "files_support.h"
#include "hourglass/error.h"
#include "support/catch.h"

namespace hourglass {
namespace {

using Catch::Matchers::Contains;
using test::contents;
using test::message_of;

std::string array_file(int version, const std::string& header, const std::string& data) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  const auto length = static_cast<std::uint32_t>(header.size());
  bytes.append(reinterpret_cast<const char*>(&length), version == 1 ? 2 : 4);
  return bytes + header + data;
}

template <typename Value>
std::string raw(const std::vector<Value>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(Value)};
}

std::string header_of(const std::string& descr, const std::string& order,
                      const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
}

/// All rows of a file of these bytes.
std::vector<float> values_of(const test::ScratchDirectory& scratch, const std::string& bytes) {
  test::put(scratch / "x.npy", bytes);
  const NpyReader reader(scratch / "x.npy");
  std::vector<float> values(static_cast<std::size_t>(reader.rows() * reader.cols()));
  reader.read_rows(0, reader.rows(), values.data());
  return values;
}

TEST_CASE("An array written in blocks comes back, whole or in parts") {
  const test::ScratchDirectory scratch;
  const std::vector<float> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -0.0F, 1e-40F};
  NpyWriter writer(scratch / "codes.npy", 3);
  writer.append(values.data(), 1);
  writer.append(values.data() + 3, 3);
  CHECK_FALSE(std::filesystem::exists(scratch / "codes.npy"));
  writer.commit();

  const NpyReader reader(scratch / "codes.npy");
  REQUIRE(reader.rows() == 4);
  REQUIRE(reader.cols() == 3);
  std::vector<float> back(12);
  reader.read_rows(0, 4, back.data());
  CHECK(test::bits(back) == test::bits(values));
  std::vector<float> part(6);
  reader.read_rows(2, 2, part.data());
  CHECK(part == std::vector<float>(values.begin() + 6, values.end()));
  reader.read_rows(4, 0, nullptr);
  CHECK_THROWS_AS(reader.read_rows(3, 2, part.data()), std::out_of_range);
  CHECK_THROWS_AS(reader.read_rows(-1, 1, part.data()), std::out_of_range);
}

TEST_CASE("The header written is NumPy's own") {
  const test::ScratchDirectory scratch;
  NpyWriter writer(scratch / "x.npy", 2);
  const float row[] = {1, 2};
  writer.append(row, 1);
  writer.commit();
  const std::string bytes = contents(scratch / "x.npy");
  REQUIRE(bytes.size() == 128 + 8);
  CHECK(bytes.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK_THAT(bytes, Contains("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), } "));
  CHECK(bytes[127] == '\n');
}

TEST_CASE("An array that is not committed leaves nothing") {
  const test::ScratchDirectory scratch;
  { NpyWriter(scratch / "x.npy", 2); }
  CHECK(test::files_in(scratch.path()) == 0);
}

TEST_CASE("Types, versions, orders and ranks are read") {
  const test::ScratchDirectory scratch;
  const std::vector<float> c_order{1, 2, 3, 4, 5, 6};
  const std::vector<float> columns{1, 4, 2, 5, 3, 6};
  for (const int version : {1, 2, 3}) {
    CHECK(values_of(scratch, array_file(version, header_of("<f4", "False", "(2, 3)"),
                                        raw(c_order))) == c_order);
    CHECK(values_of(scratch, array_file(version, header_of("<f4", "True", "(2, 3)"),
                                        raw(columns))) == c_order);
  }
  CHECK(values_of(scratch, array_file(1, header_of("<f8", "True", "(2, 3)"),
                                      raw(std::vector<double>{1, 4, 2, 5, 3, 6}))) == c_order);
  CHECK(values_of(scratch, array_file(1, header_of("|u1", "False", "(2, 3)"),
                                      raw(std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}))) ==
        c_order);
  CHECK(values_of(scratch, array_file(1, header_of("<f4", "False", "(6,)"), raw(c_order))) ==
        c_order);
  CHECK(NpyReader(scratch / "x.npy").rows() == 1);
  CHECK(values_of(scratch, array_file(1, header_of("<f4", "False", "(0, 3)"), "")).empty());
  CHECK(values_of(scratch, array_file(1, R"({"shape":(2,3),"descr":"<f4","fortran_order":False})",
                                      raw(c_order))) == c_order);
}

TEST_CASE("Parts of a Fortran-ordered array longer than a block are read") {
  const test::ScratchDirectory scratch;
  constexpr std::int64_t rows = 300'000;  // one column is more than a block of 1 MiB
  std::vector<double> columns(2 * rows);
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = static_cast<double>(i);
  test::put(scratch / "x.npy",
            array_file(1, header_of("<f8", "True", "(300000, 2)"), raw(columns)));
  const NpyReader reader(scratch / "x.npy");
  std::vector<float> values(2 * (rows - 5));
  reader.read_rows(5, rows - 5, values.data());
  bool same = true;
  for (std::size_t r = 0; r < rows - 5; ++r)
    same = same && values[2 * r] == static_cast<float>(r + 5) &&
           values[2 * r + 1] == static_cast<float>(rows + static_cast<std::int64_t>(r) + 5);
  CHECK(same);
}

TEST_CASE("Damaged and unfit arrays are refused with the reason") {
  const test::ScratchDirectory scratch;
  const std::string data(24, '\0');
  const std::string good = array_file(1, header_of("<f4", "False", "(2, 3)"), data);
  const auto refusal = [&](const std::string& bytes) {
    return message_of<DataError>([&] { static_cast<void>(values_of(scratch, bytes)); });
  };
  REQUIRE(refusal(good).empty());
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO("cut to " << size);
    CHECK_FALSE(refusal(good.substr(0, size)).empty());
  }
  CHECK_THAT(refusal(good + 'x'), Contains("25 bytes of data where 24 belong"));
  CHECK_THAT(refusal("PK" + good.substr(2)), Contains("does not begin"));
  CHECK_THAT(refusal(array_file(4, header_of("<f4", "False", "(2, 3)"), data)),
             Contains("version 4"));
  struct Case {
    std::string header;
    std::string reason;
  };
  const std::vector<Case> cases{
      {header_of("|O", "False", "(2, 3)"), "never read"},
      {header_of(">f4", "False", "(2, 3)"), ">f4"},
      {header_of("<i8", "False", "(3,)"), "<i8"},
      {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (6,), }", "structured"},
      {header_of("<f4", "false", "(2, 3)"), "True or False"},
      {header_of("<f4", "False", "(1, 2, 3)"), "rank 3"},
      {header_of("<f4", "False", "()"), "rank 0"},
      {header_of("<f4", "False", "(-2, -3)"), "bad number"},
      {header_of("<f4", "False", "(2.0, 3)"), "'"},
      {header_of("<f4", "False", "(4294967296, 4294967296)"), "overflow"},
      {header_of("<f4", "False", "(99999999999999999999,)"), "bad number"},
      {header_of("<f4", "False", "(1099511627776, 3)"), "belong"},
      {header_of("<f4", "False", "(2, 3)") + "x", "after"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", "twice"},
      {"{'descr': '<f4', 'shape': (2, 3)}", "without"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", "unknown key"},
      {"{'descr': '<f4, }", "without an end"},
      {"", "'{'"}};
  for (const Case& bad : cases) {
    INFO(bad.header);
    CHECK_THAT(refusal(array_file(1, bad.header, data)), Contains(bad.reason));
  }
  CHECK_THAT(message_of<DataError>([&] { NpyReader(scratch / "missing.npy"); }),
             Contains("no such file"));
}

}  // namespace
}  // namespace hourglass
