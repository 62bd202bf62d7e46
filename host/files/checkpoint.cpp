#include "hourglass/checkpoint.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "files/json.h"
#include "files/network_tensors.h"
#include "hourglass/error.h"

namespace hourglass {
namespace {

using nlohmann::json;

constexpr const char* first_prefix = "moment1.";
constexpr const char* second_prefix = "moment2.";
constexpr std::array keys{"step", "skipped_steps", "seed", "config"};

/// Reads a decimal string in full. Throws JsonError or a json::exception.
template <typename Integer>
Integer decimal(const json& value) {
  const auto& text = value.get_ref<const std::string&>();
  Integer number = 0;
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || next != end || number < Integer{0})
    throw JsonError("\"" + text + "\" where a decimal number belongs");
  return number;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  const TrainingState& state = checkpoint.state;
  std::vector<TensorView> tensors;
  append_tensors(tensors, "", checkpoint.network, state.parameters);
  append_tensors(tensors, first_prefix, checkpoint.network, state.first_moment);
  append_tensors(tensors, second_prefix, checkpoint.network, state.second_moment);
  try {
    const json rest = {{"step", std::to_string(state.step)},
                       {"skipped_steps", std::to_string(state.skipped_steps)},
                       {"seed", std::to_string(checkpoint.seed)},
                       {"config", parse_json(checkpoint.config_json)}};
    write_network_file(path, {checkpoint.network, checkpoint.rows, checkpoint.cols}, rest, tensors);
  } catch (const JsonError& error) {
    throw ModelError(path.string() + ": configuration: " + error.what());
  }
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  const NetworkFile file(path, "checkpoint.safetensors");
  Checkpoint checkpoint;
  checkpoint.network = file.description().network;
  checkpoint.rows = file.description().rows;
  checkpoint.cols = file.description().cols;
  TrainingState& state = checkpoint.state;
  try {
    const json rest = parse_json(file.rest_json());
    state.step = decimal<std::int64_t>(rest.at("step"));
    state.skipped_steps = decimal<std::int64_t>(rest.at("skipped_steps"));
    checkpoint.seed = decimal<std::uint64_t>(rest.at("seed"));
    if (state.skipped_steps > state.step) throw JsonError("more skipped steps than steps");
    if (!rest.at("config").is_object()) throw JsonError("a configuration that is no JSON object");
    checkpoint.config_json = json_text(rest.at("config"));
    for (const auto& [key, value] : rest.items())
      if (std::ranges::find(keys, key) == keys.end()) throw JsonError("the unknown key " + key);
  } catch (const json::exception& error) {
    file.refuse("a checkpoint", error.what());
  } catch (const JsonError& error) {
    file.refuse("a checkpoint", error.what());
  }
  std::vector<std::vector<float>> arenas = file.read_arenas({"", first_prefix, second_prefix});
  state.parameters = std::move(arenas[0]);
  state.first_moment = std::move(arenas[1]);
  state.second_moment = std::move(arenas[2]);
  return checkpoint;
}

}  // namespace hourglass
