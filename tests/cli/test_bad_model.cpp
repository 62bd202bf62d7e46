// Bad model and checkpoint files: exit code 4 and a message that names the file and what is wrong.
#include "cli/cli_support.h"

namespace hourglass::test {
namespace {

using nlohmann::json;

/// A safetensors file taken apart, to be put together wrong.
struct Container {
  json header;
  std::string data;

  explicit Container(const std::string& bytes) {
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i)
      length = length << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
    header = json::parse(bytes.substr(8, length));
    data = bytes.substr(8 + length);
  }

  /// With `text` as the header, or the header as it is now.
  [[nodiscard]] std::string bytes(const std::string& text = "") const {
    const std::string written = text.empty() ? header.dump() : text;
    std::string result;
    for (int i = 0; i < 8; ++i) result += static_cast<char>(written.size() >> (8 * i));
    return result + written + data;
  }
};

std::string good_model() { return read_file(trained_run() + "/model.safetensors"); }

/// Every verb that takes a model refuses it, in the same words.
void require_bad_model(const std::string& bytes, const Words& parts) {
  const TemporaryFolder folder;
  const std::string path = write_file(folder / "model.safetensors", bytes);
  require_failure({"info", path}, 4, join({path}, parts));
  require_failure({"eval", path, "--data", "strokes:100"}, 4, join({path}, parts));
  require_failure({"encode", path, "--data", "strokes:100", "-o", folder / "codes.npy"}, 4, {path});
  require_failure({"reconstruct", path, "strokes:100", "-o", folder / "grid.png"}, 4, {path});
  CHECK_FALSE(std::filesystem::exists(folder / "codes.npy"));
  CHECK_FALSE(std::filesystem::exists(folder / "grid.png"));
}

}  // namespace

TEST_CASE("cli: a model that is not there, or another kind of file") {
  const TemporaryFolder folder;
  require_failure({"eval", folder / "nothing"}, 4, {folder / "nothing", "Check the path"});
  require_failure({"info", folder / "."}, 4, {"run directory"});
  require_bad_model("PK\x03\x04 and more than eight bytes", {"expected"});
  require_bad_model("", {"expected"});
  require_bad_model(u8_images(10, 6), {"expected"});
}

TEST_CASE("cli: a model cut short or with bytes too many") {
  const std::string good = good_model();
  for (const std::size_t length :
       {std::size_t{4}, std::size_t{8}, std::size_t{100}, good.size() / 2, good.size() - 1})
    require_bad_model(good.substr(0, length), {"expected", "found"});
  require_bad_model(good + "x", {"expected"});
}

TEST_CASE("cli: a model with one bit flipped") {
  const std::string good = good_model();
  // In the first weights, in the middle, in the last bias, and in the header's JSON.
  const std::size_t begin = good.size() - Container(good).data.size();
  for (const std::size_t at : {begin, begin + (good.size() - begin) / 2, good.size() - 1}) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    require_bad_model(flipped, {"layers."});
  }
  std::string flipped = good;
  flipped[20] = static_cast<char>(flipped[20] ^ 1);
  require_bad_model(flipped, {});
}

TEST_CASE("cli: an absurd header length") {
  std::string bytes = good_model();
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = '\xFF';
  require_bad_model(bytes, {"header"});
  bytes.replace(0, 8, std::string(8, '\0'));
  require_bad_model(bytes, {"header"});
}

TEST_CASE("cli: tensors with a hole, an overlap, or twice the same") {
  const Container good(good_model());
  Container hole = good;
  hole.header["layers.0.bias"]["data_offsets"][0] =
      hole.header["layers.0.bias"]["data_offsets"][0].get<int>() + 4;
  require_bad_model(hole.bytes(), {"layers.0.bias"});

  Container overlap = good;
  const auto weight = overlap.header["layers.1.weight"]["data_offsets"];
  const int length = weight[1].get<int>() - weight[0].get<int>();
  overlap.header["layers.1.weight"]["data_offsets"] = {0, length};
  require_bad_model(overlap.bytes(), {"overlap"});

  std::string twice = good.header.dump();
  twice.insert(1, "\"layers.0.bias\":" + good.header["layers.0.bias"].dump() + ",");
  require_bad_model(good.bytes(twice), {"layers.0.bias"});
}

TEST_CASE("cli: tensors of another shape, missing or left over") {
  const Container good(good_model());
  Container shape = good;
  std::swap(shape.header["layers.0.weight"]["shape"][0],
            shape.header["layers.0.weight"]["shape"][1]);
  require_bad_model(shape.bytes(), {});
  Container renamed = good;
  renamed.header["layers.9.bias"] = renamed.header["layers.0.bias"];
  renamed.header.erase("layers.0.bias");
  require_bad_model(renamed.bytes(), {});
}

TEST_CASE("cli: a model for other images than the data's") {
  const TemporaryFolder folder;
  const std::string images = write_file(folder / "images", u8_images(40, 6));
  const std::string run = trained_run();
  require_failure({"eval", run, "--data", images}, 4, {run, "36", images, "28x28"});
  require_failure({"encode", run, "--data", images, "-o", folder / "codes.npy"}, 4, {run, "36"});
  require_failure({"encode", run, "--input", images, "-o", folder / "codes.npy"}, 4, {run, "36"});
  require_failure({"reconstruct", run, images, "-o", folder / "grid.png"}, 4, {run, "36"});
  CHECK_FALSE(std::filesystem::exists(folder / "codes.npy"));
}

TEST_CASE("cli: a checkpoint of another network, of no run, or damaged") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  REQUIRE(hourglass(small_training(run)).exit_code == 0);
  const std::string checkpoint = run + "/checkpoint.safetensors";
  const std::string good = read_file(checkpoint);

  // Another network's tensors under this run's configuration.
  const std::string other = folder / "other";
  REQUIRE(hourglass(small_training(other, {"--hidden", "relu"})).exit_code == 0);
  Container mixed(good);
  const json stated = Container(read_file(other + "/checkpoint.safetensors")).header;
  json own = json::parse(mixed.header["__metadata__"]["hourglass"].get<std::string>());
  const json foreign = json::parse(stated["__metadata__"]["hourglass"].get<std::string>());
  own["activations"] = foreign["activations"];
  mixed.header["__metadata__"]["hourglass"] = own.dump();
  write_file(checkpoint, mixed.bytes());
  require_failure({"train", "--resume", run}, 4, {checkpoint});

  write_file(checkpoint, good.substr(0, good.size() - 9));
  require_failure({"train", "--resume", run}, 4, {checkpoint, "expected", "found"});
  std::string flipped = good;
  flipped[good.size() - 5] = static_cast<char>(flipped[good.size() - 5] ^ 1);
  write_file(checkpoint, flipped);
  require_failure({"train", "--resume", run}, 4, {checkpoint, "moment2"});
  CHECK(read_file(checkpoint) == flipped);

  write_file(checkpoint, good_model());  // a model has no moments
  require_failure({"train", "--resume", run}, 4, {checkpoint});
  require_failure({"train", "--resume", folder / "nothing"}, 4, {"checkpoint.safetensors"});
}

}  // namespace hourglass::test
