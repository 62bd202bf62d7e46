// Bad data: exit code 3 and a message that names the file, what was expected, what was found and
// what to do.
#include <zlib.h>

#include <bit>
#include <limits>

#include "cli/cli_support.h"

namespace hourglass::test {
namespace {

/// Both reading and training refuse the file, and training leaves no run directory.
void require_bad_file(const std::string& bytes, const Words& parts,
                      const std::string& name = "images") {
  const TemporaryFolder folder;
  const std::string path = write_file(folder / name, bytes);
  require_failure({"data", "check", path}, 3, join({path, "expected", "found"}, parts));
  require_failure({"train", "--data", path, "--out", folder / "run"}, 3, join({path}, parts));
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
}

std::string f32_images(const std::vector<float>& pixels, std::uint32_t side) {
  std::string payload;
  for (const float pixel : pixels) {
    const auto word = std::bit_cast<std::uint32_t>(pixel);
    for (int shift = 24; shift >= 0; shift -= 8) payload += static_cast<char>(word >> shift);
  }
  return idx_bytes(0x0D, {static_cast<std::uint32_t>(pixels.size()) / (side * side), side, side},
                   payload);
}

}  // namespace

TEST_CASE("cli: a missing data file") {
  const TemporaryFolder folder;
  const std::string path = folder / "nothing";
  require_failure({"data", "check", path}, 3, {path, "no such file", "Check the path"});
  require_failure({"data", "check", "mnits"}, 3, {"mnits", "Did you mean mnist"});
}

TEST_CASE("cli: MNIST that is not there and not fetched") {
  const TemporaryFolder folder;
  const CommandResult result =
      hourglass({"data", "info", "mnist"}, {"HOURGLASS_DATA_DIR=" + (folder / "empty")});
  INFO(result.err);
  CHECK(result.exit_code == 3);
  CHECK_THAT(result.err, Catch::Contains("data fetch mnist"));
}

TEST_CASE("cli: an IDX file that ends early or late") {
  const std::string good = u8_images(40, 6);
  require_bad_file(good.substr(0, good.size() - 1), {"1440", "1439"});
  require_bad_file(good.substr(0, 10), {"header"});
  require_bad_file(good.substr(0, 3), {});
  require_bad_file("", {"empty"});
  require_bad_file(good + "x", {"1440", "1441"});
}

TEST_CASE("cli: a damaged gzip file") {
  const std::string packed = gzip_bytes(u8_images(40, 6));
  require_bad_file(packed.substr(0, packed.size() / 2), {"gzip"}, "images.gz");
  require_bad_file(packed.substr(0, packed.size() - 4), {"gzip"}, "images.gz");
  std::string flipped = packed;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);  // CRC-32
  require_bad_file(flipped, {"gzip"}, "images.gz");
}

TEST_CASE("cli: gzip is seen by its magic, not its name") {
  const TemporaryFolder folder;
  const std::string packed = write_file(folder / "images", gzip_bytes(u8_images(40, 6)));
  CHECK(require_json({"data", "info", packed, "--json"})["train"]["rows"] == 6);
  const std::string plain = write_file(folder / "plain.gz", u8_images(40, 6));
  CHECK(require_json({"data", "info", plain, "--json"})["train"]["rows"] == 6);
}

TEST_CASE("cli: a zip archive that calls itself gzip") {
  require_bad_file(std::string("PK\x03\x04", 4) + std::string(200, 'x'), {"zip"}, "images.gz");
}

TEST_CASE("cli: wrong magic, type or rank") {
  const std::string pixels(36, '\x01');
  require_bad_file("\x89PNG\r\n\x1a\n" + pixels, {"IDX"});
  require_bad_file(idx_bytes(0x07, {1, 6, 6}, pixels), {"07", "u8"});
  require_bad_file(idx_bytes(0x08, {36}, pixels), {"rank"});
  require_bad_file(idx_bytes(0x08, {}, ""), {});
}

TEST_CASE("cli: dimensions of zero, overflowing, or promising 2^40 images") {
  const std::string pixels(36, '\x01');
  require_bad_file(idx_bytes(0x08, {0, 6, 6}, ""), {"0"});
  require_bad_file(idx_bytes(0x08, {1, 0, 6}, ""), {"0"});
  require_bad_file(idx_bytes(0x08, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, pixels), {});
  require_bad_file(idx_bytes(0x08, {0x00100000, 0x00100000, 1, 1}, pixels), {});
}

TEST_CASE("cli: a gzip file whose header promises 2^40 images") {
  require_bad_file(gzip_bytes(idx_bytes(0x08, {0x00100000, 0x00100000, 1}, std::string(36, 'x'))),
                   {}, "images.gz");
}

TEST_CASE("cli: pixels that are no pixels") {
  std::vector<float> pixels(40 * 4, 0.5F);
  pixels[7] = std::numeric_limits<float>::quiet_NaN();
  require_bad_file(f32_images(pixels, 2), {"NaN"});
  pixels[7] = 2.0F;
  require_bad_file(f32_images(pixels, 2), {"2"});
}

TEST_CASE("cli: labels that do not match") {
  const TemporaryFolder folder;
  const std::string directory = folder / "set";
  std::filesystem::create_directory(directory);
  write_file(directory + "/train-images-idx3-ubyte", u8_images(40, 6));
  write_file(directory + "/t10k-images-idx3-ubyte", u8_images(10, 6));
  require_json({"data", "info", directory, "--json"});
  const std::string labels = write_file(directory + "/train-labels-idx1-ubyte",
                                        idx_bytes(0x08, {39}, std::string(39, '\x01')));
  require_failure({"data", "check", directory}, 3, {labels, "40", "39"});
  require_failure({"train", "--data", directory, "--out", folder / "run"}, 3, {labels});
  write_file(labels, idx_bytes(0x08, {40, 6}, std::string(240, '\x01')).substr(0, 100));
  require_failure({"data", "check", directory}, 3, {labels});
}

TEST_CASE("cli: a test set of another shape, and a folder without one") {
  const TemporaryFolder folder;
  const std::string train = write_file(folder / "train", u8_images(40, 6));
  const std::string test = write_file(folder / "test", u8_images(10, 5));
  require_failure({"data", "check", train + "," + test}, 3, {"36", "25"});
  const std::string directory = folder / "set";
  std::filesystem::create_directory(directory);
  write_file(directory + "/train-images-idx3-ubyte", u8_images(40, 6));
  require_failure({"data", "check", directory}, 3, {directory, "t10k-images-idx3-ubyte"});
}

TEST_CASE("cli: codes and .npy files that do not fit") {
  const TemporaryFolder folder;
  const std::string run = trained_run();
  const std::string codes = folder / "codes.npy";
  REQUIRE(hourglass({"reconstruct", run, "strokes:100", "--count", "0", "-o", codes}).exit_code ==
          0);
  require_failure({"decode", run, codes, "-o", folder / "out.npy"}, 3, {codes, "4", "784"});
  CHECK_FALSE(std::filesystem::exists(folder / "out.npy"));
  const std::string whole = read_file(codes);
  const std::string cut = write_file(folder / "cut.npy", whole.substr(0, whole.size() - 5));
  require_failure({"decode", run, cut, "-o", folder / "out.npy"}, 3, {cut});
  const std::string text = write_file(folder / "text.npy", "0.5 0.25\n");
  require_failure({"encode", run, "--input", text, "-o", folder / "out.npy"}, 3, {text});
  require_failure({"encode", run, "--input", codes, "-o", folder / "out.npy"}, 3,
                  {codes, "from 0 to 1", "255"});
}

}  // namespace hourglass::test
