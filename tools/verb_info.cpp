// hourglass info
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "hourglass/checkpoint.h"
#include "hourglass/error.h"
#include "hourglass/model_file.h"
#include "hourglass/safetensors.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct InfoFlags {
  std::string path;
  bool json = false;
};

Json network_json(const NetworkSpec& network, std::int64_t rows, std::int64_t cols) {
  Json activations = Json::array();
  for (const Activation activation : network.activations) activations.push_back(name(activation));
  return {{"widths", network.widths},
          {"activations", activations},
          {"code_width", network.code_width()},
          {"parameters", network.parameter_count()},
          {"image", {rows, cols}}};
}

Json describe_model(const fs::path& path) {
  const ModelFile model = load_model(path);
  return {{"kind", "model"},
          {"path", path.string()},
          {"bytes", fs::file_size(path)},
          {"checksums", model.checked ? "right" : "none in the file"},
          {"network", network_json(model.network, model.rows, model.cols)},
          {"metadata", Json::parse(model.metadata_json)}};
}

Json describe_checkpoint(const fs::path& path) {
  const Checkpoint checkpoint = load_checkpoint(path);
  return {{"kind", "checkpoint"},
          {"path", path.string()},
          {"bytes", fs::file_size(path)},
          {"network", network_json(checkpoint.network, checkpoint.rows, checkpoint.cols)},
          {"step", checkpoint.state.step},
          {"skipped_steps", checkpoint.state.skipped_steps},
          {"seed", checkpoint.seed},
          {"config", Json::parse(checkpoint.config_json)}};
}

Json describe_file(const fs::path& path) {
  const bool has_moments = SafetensorsReader(path).find("moment1.layers.0.weight") != nullptr;
  return has_moments ? describe_checkpoint(path) : describe_model(path);
}

/// One object for each model and checkpoint found.
Json describe(const fs::path& path) {
  if (!fs::is_directory(path)) return Json::array({describe_file(path)});
  Json found = Json::array();
  for (const char* name : {"model.safetensors", "checkpoint.safetensors"})
    if (fs::exists(path / name)) found.push_back(describe_file(path / name));
  if (found.empty())
    throw ModelError({path.string(), "a run directory", "no model or checkpoint in it",
                      "Name a .safetensors file or a directory that `hourglass train` made."});
  return found;
}

/// Prints an object as indented lines; lists of numbers and words stay on one line.
void print(const Json& object, int indent) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      std::printf("%*s%s\n", indent, "", key.c_str());
      print(value, indent + 2);
      continue;
    }
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    std::printf("%*s%-*s %s\n", indent, "", 24 - indent, key.c_str(), text.c_str());
  }
}

int info_verb(const InfoFlags& flags) {
  const Json found = describe(flags.path);
  if (flags.json) {
    std::printf("%s\n", Json{{"path", flags.path}, {"files", found}}.dump().c_str());
    return 0;
  }
  for (const Json& file : found) {
    std::printf("%s\n", file["path"].get<std::string>().c_str());
    print(file, 2);
  }
  return 0;
}

}  // namespace

void add_info(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<InfoFlags>();
  CLI::App* verb = app.add_subcommand("info", "Say what a model, checkpoint or run holds");
  verb->add_option("PATH", flags->path, "a .safetensors file or a run directory")->required();
  verb->add_flag("--json", flags->json, "print one JSON object");
  verb->callback(
      [flags, &invocation] { invocation.action = [flags] { return info_verb(*flags); }; });
}

}  // namespace hourglass::tools
