// What goes in and comes out as files: other shapes of data, codes, pictures, exports, gates.
#include <bit>

#include "cli/cli_support.h"
#include "hourglass/npy.h"
#include "hourglass/png.h"

namespace hourglass::test {
namespace {

std::vector<float> numbers_in(const std::string& path) {
  const NpyReader reader(path);
  std::vector<float> values(static_cast<std::size_t>(reader.rows() * reader.cols()));
  reader.read_rows(0, reader.rows(), values.data());
  return values;
}

/// Trains on `data`; the images' side must show in the result.
nlohmann::json train_on(const std::string& data, const Words& more = {}) {
  const TemporaryFolder folder;
  return require_json(
      join({"train", "--data", data, "--epochs", "2", "--out", folder / "run", "--json"}, more));
}

}  // namespace

TEST_CASE("cli: images of 50x50") {
  const TemporaryFolder folder;
  const std::string images = write_file(folder / "images", u8_images(130, 50));
  const auto result = train_on(images, {"--widths", "2500,20,5", "--batch", "20"});
  CHECK(result["dataset"]["train"].get<int>() + result["dataset"]["validation"].get<int>() +
            result["dataset"]["test"].get<int>() ==
        130);
  CHECK(result["test"]["se"].get<double>() > 0);
  CHECK(result["pca"]["components"] == 5);
}

TEST_CASE("cli: five images with a batch of 150") {
  const TemporaryFolder folder;
  const std::string images = write_file(folder / "images", u8_images(5, 8));
  const auto result = train_on(images, {"--widths", "64,8,2"});
  CHECK(result["batch"] == 150);
  CHECK(result["steps"] == 2);
  CHECK(result["test"]["se"].get<double>() >= 0);
}

TEST_CASE("cli: a test set larger than the training set") {
  const TemporaryFolder folder;
  const std::string train = write_file(folder / "train", u8_images(40, 8));
  const std::string test = write_file(folder / "test", u8_images(200, 8));
  const auto result = train_on(train + "," + test, {"--widths", "64,8,2", "--batch", "8"});
  CHECK(result["dataset"]["test"] == 200);
  CHECK(result["dataset"]["train"].get<int>() < 40);
}

TEST_CASE("cli: an IDX file of floats") {
  const TemporaryFolder folder;
  std::string pixels;
  for (std::uint32_t i = 0; i < 60 * 64; ++i) {
    const auto word = std::bit_cast<std::uint32_t>(static_cast<float>(i * 37 % 101) / 100.0F);
    for (int shift = 24; shift >= 0; shift -= 8) pixels += static_cast<char>(word >> shift);
  }
  const std::string images = write_file(folder / "images", idx_bytes(0x0D, {60, 8, 8}, pixels));
  CHECK(require_json({"data", "info", images, "--json"})["train"]["type"] == "f32");
  CHECK(train_on(images, {"--widths", "64,8,2", "--batch", "10"})["test"]["se"].get<double>() > 0);
}

TEST_CASE("cli: codes go out and back to the same reconstructions") {
  const TemporaryFolder folder;
  const std::string run = trained_run();
  const std::string codes = folder / "codes.npy";
  REQUIRE(hourglass({"encode", run, "--data", "strokes:8000", "-o", codes}).exit_code == 0);
  CHECK(NpyReader(codes).rows() == 1454);  // more than one block
  CHECK(NpyReader(codes).cols() == 4);
  REQUIRE(hourglass({"decode", run, codes, "-o", folder / "decoded.npy"}).exit_code == 0);
  REQUIRE(hourglass({"reconstruct", run, "strokes:8000", "--count", "0", "-o",
                     folder / "reconstructed.npy"})
              .exit_code == 0);
  const std::vector<float> decoded = numbers_in(folder / "decoded.npy");
  const std::vector<float> reconstructed = numbers_in(folder / "reconstructed.npy");
  REQUIRE(decoded.size() == 1454 * 784);
  CHECK(decoded == reconstructed);

  REQUIRE(hourglass({"decode", run, codes, "--count", "30", "-o", folder / "grid.png"}).exit_code ==
          0);
  const Picture grid = read_gray_png(folder / "grid.png");
  CHECK(grid.cols == 6 * 29 - 1);
  CHECK(grid.rows == 5 * 29 - 1);
}

TEST_CASE("cli: exported files give the same codes as the data set they came from") {
  const TemporaryFolder folder;
  const std::string run = trained_run();
  REQUIRE(hourglass({"data", "export", "strokes:300", folder / "set"}).exit_code == 0);
  const auto before = snapshot(folder / "set");
  CHECK(before.size() == 6);
  require_failure({"data", "export", "strokes:300", folder / "set"}, 2, {"--force"});
  CHECK(snapshot(folder / "set") == before);
  CHECK(require_json({"data", "info", folder / "set", "--json"})["test"]["labels"].size() == 10);
  REQUIRE(hourglass({"encode", run, "--data", "strokes:300", "-o", folder / "a.npy"}).exit_code ==
          0);
  REQUIRE(hourglass({"encode", run, "--input", folder / "set/t10k-images-idx3-ubyte", "-o",
                     folder / "b.npy"})
              .exit_code == 0);
  CHECK(read_file(folder / "a.npy") == read_file(folder / "b.npy"));
}

TEST_CASE("cli: reconstruct takes a PNG of the right size and refuses another") {
  const TemporaryFolder folder;
  const std::string run = trained_run();
  Picture picture{28, 28, 1, std::vector<std::uint8_t>(784, 0)};
  for (std::size_t i = 200; i < 500; ++i) picture.pixels[i] = static_cast<std::uint8_t>(i % 256);
  write_png(folder / "digit.png", picture);
  const CommandResult result =
      hourglass({"reconstruct", run, folder / "digit.png", "-o", folder / "grid.png", "--show"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') > 10);
  CHECK(read_gray_png(folder / "grid.png").cols > 0);

  // The same pixels from an IDX file give the same numbers.
  write_file(
      folder / "digit",
      idx_bytes(0x08, {1, 28, 28}, std::string(picture.pixels.begin(), picture.pixels.end())));
  for (const char* input : {"digit.png", "digit"})
    REQUIRE(hourglass(
                {"reconstruct", run, folder / input, "-o", folder / (std::string(input) + ".npy")})
                .exit_code == 0);
  CHECK(read_file(folder / "digit.png.npy") == read_file(folder / "digit.npy"));

  write_png(folder / "large.png", {30, 28, 1, std::vector<std::uint8_t>(840, 0)});
  require_failure({"reconstruct", run, folder / "large.png", "-o", folder / "x.png"}, 3,
                  {folder / "large.png", "28x28", "30x28"});
  const std::string broken = write_file(folder / "broken.png", "\x89PNG\r\n\x1a\n and no more");
  require_failure({"reconstruct", run, broken, "-o", folder / "x.png"}, 3, {broken});
  require_failure({"reconstruct", run, folder / "digit.png"}, 2, {"-o", "--show"});
}

TEST_CASE("cli: a name is the data set in every verb, and ./name the file") {
  const TemporaryFolder folder;
  const std::string run = trained_run();
  const std::string images =
      idx_bytes(0x08, {30, 28, 28}, std::string(std::size_t{30 * 784}, '\x60'));
  for (const char* name : {"strokes:200", "of-mine", "a,b"}) write_file(folder / name, images);
  const auto there = [&](const Words& words) {
    const Words in_folder{"bash", "-c", "cd \"$1\"; shift; exec \"$@\"", "bash", folder / "."};
    return run_command(join(in_folder, hourglass_command(words)));
  };
  // Whole numbers of images: 36 test images of strokes:200, 30 in the file, 5 of its test part.
  for (const auto& [input, in_reconstruct, in_data] : {std::tuple{"strokes:200", 36, 36},
                                                       {"./strokes:200", 30, 5},
                                                       {"of-mine", 30, 5},
                                                       {"a,b", 30, 5}}) {
    INFO(input);
    const CommandResult made =
        there({"reconstruct", run, input, "--count", "0", "-o", "reconstructed.npy"});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    CHECK(NpyReader(folder / "reconstructed.npy").rows() == in_reconstruct);
    REQUIRE(there({"encode", run, "--data", input, "-o", "codes.npy"}).exit_code == 0);
    CHECK(NpyReader(folder / "codes.npy").rows() == in_data);
    const CommandResult info = there({"data", "info", input, "--json"});
    REQUIRE(info.exit_code == 0);
    CHECK(nlohmann::json::parse(info.out)["test"]["images"] == in_data);
  }
  require_failure({"reconstruct", run, "strokes-of-nobody", "-o", folder / "out.npy"}, 3,
                  {"strokes-of-nobody", "no such file"});
}

TEST_CASE("cli: data check and export say when the images are the built-in ones") {
  const TemporaryFolder folder;
  for (const Words& words :
       {Words{"check", "strokes:30"}, {"export", "strokes:30", folder / "set"}}) {
    const CommandResult result = hourglass(join({"data"}, words));
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err, Catch::Contains("not real data"));
  }
}

TEST_CASE("cli: eval compares a code wider than the image with all components") {
  const TemporaryFolder folder;
  const std::string images = write_file(folder / "images", u8_images(40, 2));
  const std::string run = folder / "run";
  REQUIRE(hourglass({"train", "--data", images, "--widths", "4,7,6,7,4", "--init",
                     "variance_scaling", "--batch", "10", "--epochs", "1", "--out", run})
              .exit_code == 0);
  CHECK(require_json({"eval", run, "--data", images, "--json"})["pca"]["components"] == 4);
}

TEST_CASE("cli: eval prints every figure, and its gates decide the exit code") {
  const std::string run = trained_run();
  const auto result = require_json({"eval", run, "--data", "strokes:500", "--json"});
  for (const char* key : {"mse", "se", "se_clipped", "pca", "dead", "dataset"})
    CHECK(result.contains(key));
  CHECK(result["pca"]["components"] == 4);
  CHECK(require_json({"eval", run, "--data", "strokes:500", "--no-pca", "--json"})["pca"] ==
        nullptr);
  const double se = result["se"];
  const auto gate = [&](const std::string& flag, double most) {
    return hourglass({"eval", run, "--data", "strokes:500", flag, std::to_string(most)});
  };
  CHECK(gate("--max-se", se * 1.01).exit_code == 0);
  CHECK(gate("--max-mse", se / 784 * 1.01).exit_code == 0);
  const CommandResult missed = gate("--max-se", se * 0.99);
  CHECK(missed.exit_code == 7);
  CHECK_THAT(missed.err, Catch::Contains("--max-se"));
  CHECK_THAT(missed.out, Catch::Contains("PCA with 4 numbers"));
  CHECK(gate("--max-mse", se / 784 * 0.99).exit_code == 7);
}

TEST_CASE("cli: info describes models, checkpoints and runs") {
  const std::string run = trained_run();
  const auto whole = require_json({"info", run, "--json"});
  REQUIRE(whole["files"].size() == 2);
  const auto& model = whole["files"][0];
  CHECK(model["kind"] == "model");
  CHECK(model["network"]["parameters"] == 784 * 16 + 16 + 64 + 4 + 64 + 16 + 16 * 784 + 784);
  CHECK(model["metadata"]["test"]["se"].get<double>() > 0);
  CHECK(whole["files"][1]["kind"] == "checkpoint");
  CHECK(whole["files"][1]["step"] == 20);
  CHECK_THAT(hourglass({"info", run}).out, Catch::Contains("784"));
}

}  // namespace hourglass::test
