#include "hourglass/checkpoint.h"

#include <sys/resource.h>
#include <csignal>
#include <cstring>
#include <functional>

#include "files_support.h"
#include "hourglass/atomic_file.h"
#include "hourglass/error.h"
#include "hourglass/model_file.h"
#include "hourglass/safetensors.h"
#include "support/catch.h"

namespace hourglass {
namespace {

using Catch::Matchers::Contains;
using test::bits;
using test::contents;
using test::message_of;

const NetworkSpec network{
    {6, 4, 2, 4, 6}, {Activation::relu, Activation::linear, Activation::gelu, Activation::sigmoid}};

/// Every kind of float: counts, denormals, infinities, NaNs with payloads.
std::vector<float> odd_numbers(std::uint32_t salt) {
  std::vector<float> values(static_cast<std::size_t>(network.parameter_count()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::bit_cast<float>(static_cast<std::uint32_t>(i * 2654435761U + salt));
  values[0] = std::bit_cast<float>(0x7FC12345U);
  values[1] = std::bit_cast<float>(0xFFA00001U);
  values[2] = std::bit_cast<float>(0x00000001U);
  values[3] = -0.0F;
  return values;
}

ModelFile small_model() {
  return {network, odd_numbers(1), 2, 3, R"({"preprocessing":{"scale":"x/255"},"mse":0.5})", false};
}

Checkpoint small_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.network = network;
  checkpoint.rows = 2;
  checkpoint.cols = 3;
  checkpoint.state = {odd_numbers(1), odd_numbers(2), odd_numbers(3), (1LL << 60) + 1, 7};
  checkpoint.seed = ~std::uint64_t{0};
  checkpoint.config_json = R"({"batch":150,"lr":0.003})";
  return checkpoint;
}

TEST_CASE("A model comes back bit for bit, by its path or its run directory") {
  const test::ScratchDirectory scratch;
  const ModelFile saved = small_model();
  save_model(scratch / "model.safetensors", saved);
  for (const auto& path : {scratch / "model.safetensors", scratch.path()}) {
    const ModelFile loaded = load_model(path);
    CHECK(loaded.network == saved.network);
    CHECK(bits(loaded.parameters) == bits(saved.parameters));
    CHECK(loaded.rows == 2);
    CHECK(loaded.cols == 3);
    CHECK(loaded.metadata_json == R"({"mse":0.5,"preprocessing":{"scale":"x/255"}})");
    CHECK(loaded.checked);
  }
  const SafetensorsReader reader(scratch / "model.safetensors");
  REQUIRE(reader.find("layers.1.weight") != nullptr);
  CHECK(reader.find("layers.1.weight")->shape == std::vector<std::int64_t>{2, 4});
  CHECK(reader.find("layers.3.bias")->shape == std::vector<std::int64_t>{6});
}

TEST_CASE("A checkpoint comes back bit for bit") {
  const test::ScratchDirectory scratch;
  const Checkpoint saved = small_checkpoint();
  save_checkpoint(scratch / "checkpoint.safetensors", saved);
  const Checkpoint loaded = load_checkpoint(scratch.path());
  CHECK(loaded.network == saved.network);
  CHECK(loaded.rows == 2);
  CHECK(loaded.cols == 3);
  CHECK(bits(loaded.state.parameters) == bits(saved.state.parameters));
  CHECK(bits(loaded.state.first_moment) == bits(saved.state.first_moment));
  CHECK(bits(loaded.state.second_moment) == bits(saved.state.second_moment));
  CHECK(loaded.state.step == saved.state.step);
  CHECK(loaded.state.skipped_steps == 7);
  CHECK(loaded.seed == saved.seed);
  CHECK(loaded.config_json == saved.config_json);
}

TEST_CASE("A model with any bit flipped is refused") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "model.safetensors";
  save_model(path, small_model());
  const std::string whole = contents(path);
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    test::put(path, flipped);
    INFO("bit " << bit << " of byte " << bit / 8);
    CHECK_FALSE(message_of<ModelError>([&] { static_cast<void>(load_model(path)); }).empty());
  }
}

TEST_CASE("A checkpoint cut at any byte is refused") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "checkpoint.safetensors";
  save_checkpoint(path, small_checkpoint());
  const std::string whole = contents(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::put(path, whole.substr(0, size));
    INFO("cut to " << size);
    CHECK_FALSE(message_of<ModelError>([&] { static_cast<void>(load_checkpoint(path)); }).empty());
  }
}

TEST_CASE("A model and a checkpoint are not taken for each other") {
  const test::ScratchDirectory scratch;
  save_model(scratch / "model", small_model());
  save_checkpoint(scratch / "checkpoint", small_checkpoint());
  CHECK_THAT(message_of<ModelError>([&] { static_cast<void>(load_checkpoint(scratch / "model")); }),
             Contains("a checkpoint"));
  CHECK_THAT(message_of<ModelError>([&] { static_cast<void>(load_model(scratch / "checkpoint")); }),
             Contains("8 tensors") && Contains("24"));
}

/// Writes a file with this `hourglass` text and this network's tensors, changed by `change`, and
/// returns the message of loading it as a checkpoint or model.
template <typename Load>
std::string refusal(const std::string& text, Load load,
                    const std::function<void(std::vector<TensorView>&)>& change = {}) {
  const test::ScratchDirectory scratch;
  const std::vector<float> numbers(100);
  std::vector<TensorView> tensors{{"layers.0.weight", Dtype::f32, {2, 3}, numbers.data()},
                                  {"layers.0.bias", Dtype::f32, {2}, numbers.data()},
                                  {"layers.1.weight", Dtype::f32, {3, 2}, numbers.data()},
                                  {"layers.1.bias", Dtype::f32, {3}, numbers.data()}};
  if (change) change(tensors);
  write_safetensors(scratch / "x", tensors, {{"hourglass", text}});
  return message_of<ModelError>([&] { static_cast<void>(load(scratch / "x")); });
}

TEST_CASE("Models that contradict themselves are refused") {
  const auto model = [](const std::string& widths, const std::string& activations,
                        const std::string& more) {
    return R"({"format":1,"widths":)" + widths + R"(,"activations":)" + activations + more + "}";
  };
  const std::string image = R"(,"image":{"rows":1,"cols":3})";
  const std::string good = model("[3,2,3]", R"(["relu","linear"])", image);
  CHECK(refusal(good, load_model).empty());
  CHECK_THAT(refusal(good, load_model, [](auto& t) { t.pop_back(); }), Contains("4 tensors"));
  CHECK_THAT(refusal(good, load_model, [](auto& t) { t[3].name = "other"; }),
             Contains("layers.1.bias"));
  CHECK_THAT(refusal(good, load_model,
                     [](auto& t) {
                       t[0].shape = {3, 2};
                     }),
             Contains("layers.0.weight of shape (2, 3) in F32") && Contains("(3, 2)"));
  CHECK_THAT(refusal(good, load_model, [](auto& t) { t[0].dtype = Dtype::i32; }), Contains("I32"));
  CHECK_THAT(refusal(good, load_model,
                     [](auto& t) {
                       t.push_back({"extra", Dtype::u8, {0}, nullptr});
                     }),
             Contains("5"));

  const std::string acts = R"(["relu","linear"])";
  for (const std::string& bad : {std::string("[]"),
                                 std::string("{}"),
                                 std::string("{\"format\":1}"),
                                 std::string("{"),
                                 model("[3,2,3]", acts, ""),
                                 model("[3,2,3]", R"(["relu"])", image),
                                 model("[3,2,3]", R"(["relu","nope"])", image),
                                 model("[3,2,3]", "[1,2]", image),
                                 model("[3,2.5,3]", acts, image),
                                 model("[3,\"2\",3]", acts, image),
                                 model("[3,0,3]", acts, image),
                                 model("[3,-2,3]", acts, image),
                                 model("[3,18446744073709551615,3]", acts, image),
                                 model("[3,1000000,3]", acts, image),
                                 model("[3,2,4]", acts, image),
                                 model("[]", "[]", image),
                                 model("[3,3]", R"(["relu"])", image),
                                 model("[3,2,3]", acts, R"(,"image":{"rows":2,"cols":3})"),
                                 model("[3,2,3]", acts, R"(,"image":{"rows":-1,"cols":-3})"),
                                 model("[3,2,3]", acts, R"(,"image":[1,3])"),
                                 model("[3,2,3]", acts, image + ",\"widths\":[]"),
                                 model("[3,2,3]", acts, image + ",\"checksums\":\"md5\"")}) {
    INFO(bad);
    CHECK_FALSE(refusal(bad, load_model).empty());
  }
  CHECK_THAT(refusal(R"({"format":2})", load_model), Contains("format 2"));
}

TEST_CASE("Checkpoints that contradict themselves are refused") {
  const std::string network_text =
      R"({"format":1,"widths":[3,2,3],"activations":["relu","linear"],)"
      R"("image":{"rows":1,"cols":3})";
  const auto all_arenas = [](std::vector<TensorView>& tensors) {
    const std::vector<TensorView> model = tensors;
    for (const char* prefix : {"moment1.", "moment2."})
      for (TensorView tensor : model) {
        tensor.name = prefix + tensor.name;
        tensors.push_back(tensor);
      }
  };
  const std::string state = R"(,"step":"5","skipped_steps":"1","seed":"9","config":{}})";
  CHECK(refusal(network_text + state, load_checkpoint, all_arenas).empty());
  CHECK_THAT(refusal(network_text + state, load_checkpoint), Contains("12 tensors"));
  for (const char* bad :
       {"}", R"(,"step":5,"skipped_steps":"1","seed":"9","config":{}})",
        R"(,"step":"-5","skipped_steps":"0","seed":"9","config":{}})",
        R"(,"step":"5 ","skipped_steps":"0","seed":"9","config":{}})",
        R"(,"step":"5","skipped_steps":"6","seed":"9","config":{}})",
        R"(,"step":"5","skipped_steps":"0","seed":"18446744073709551616","config":{}})",
        R"(,"step":"9223372036854775808","skipped_steps":"0","seed":"9","config":{}})",
        R"(,"step":"5","skipped_steps":"0","seed":"9","config":[]})",
        R"(,"step":"5","skipped_steps":"0","seed":"9","config":{},"more":1})"}) {
    INFO(bad);
    CHECK_FALSE(refusal(network_text + bad, load_checkpoint, all_arenas).empty());
  }
}

TEST_CASE("What does not fit together is not written") {
  const test::ScratchDirectory scratch;
  const auto fails = [&](auto change) {
    ModelFile model = small_model();
    change(model);
    return !message_of<ModelError>([&] { save_model(scratch / "x", model); }).empty();
  };
  CHECK(fails([](ModelFile& model) { model.parameters.pop_back(); }));
  CHECK(fails([](ModelFile& model) { model.rows = 3; }));
  CHECK(fails([](ModelFile& model) { model.metadata_json = "[1]"; }));
  CHECK(fails([](ModelFile& model) { model.metadata_json = "{"; }));
  CHECK(fails([](ModelFile& model) { model.metadata_json = R"({"widths":[]})"; }));
  Checkpoint checkpoint = small_checkpoint();
  checkpoint.state.second_moment.clear();
  CHECK_THROWS_AS(save_checkpoint(scratch / "x", checkpoint), ModelError);
  CHECK(test::files_in(scratch.path()) == 0);
}

TEST_CASE("A full disk keeps the last checkpoint") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "checkpoint.safetensors";
  save_checkpoint(path, small_checkpoint());
  const std::string before = contents(path);
  const int status = test::in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1500, 1500};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    try {
      save_checkpoint(path, small_checkpoint());
    } catch (const IoError&) {
      return 0;
    }
    return 2;
  });
  CHECK(status == 0);
  CHECK(contents(path) == before);
  CHECK(test::files_in(scratch.path()) == 1);
}

/// Writes checkpoints without end, step 1, 2, ..., all numbers of one being its step. Ends the
/// process, never the test run's copy in it, on an error.
[[noreturn]] void write_for_ever(const std::filesystem::path& path) try {
  Checkpoint checkpoint;
  checkpoint.network = {{400, 100, 400}, {Activation::relu, Activation::linear}};
  checkpoint.rows = checkpoint.cols = 20;
  const auto size = static_cast<std::size_t>(checkpoint.network.parameter_count());
  for (std::int64_t step = 1;; ++step) {
    const std::vector<float> numbers(size, static_cast<float>(step));
    checkpoint.state = {numbers, numbers, numbers, step, 0};
    save_checkpoint(path, checkpoint);
  }
} catch (...) {
  ::_exit(1);
}

TEST_CASE("A writer killed at any moment leaves a whole checkpoint") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "checkpoint.safetensors";
  std::size_t stale = 0;
  for (useconds_t kill = 0; kill < 20; ++kill) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) write_for_ever(path);
    for (int wait = 0; wait < 100'000 && !std::filesystem::exists(path); ++wait) ::usleep(100);
    ::usleep(3000 + kill * 1700 % 9000);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);

    const Checkpoint loaded = load_checkpoint(path);
    const std::vector<float> expected(loaded.state.parameters.size(),
                                      static_cast<float>(loaded.state.step));
    CHECK(loaded.state.step >= 1);
    CHECK(loaded.state.parameters == expected);
    CHECK(loaded.state.first_moment == expected);
    CHECK(loaded.state.second_moment == expected);
    stale += remove_stale_temporaries(scratch.path());
    CHECK(test::files_in(scratch.path()) == 1);
  }
  // Each kill hits a write more often than not; none at all would mean that nothing was tested.
  CHECK(stale > 0);
}

}  // namespace
}  // namespace hourglass
