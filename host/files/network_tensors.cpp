#include "files/network_tensors.h"

#include <array>
#include <nlohmann/json.hpp>

#include "files/json.h"
#include "hourglass/error.h"

namespace hourglass {
namespace {

using nlohmann::json;

constexpr const char* description_key = "hourglass";
constexpr std::int64_t file_format = 1;
constexpr const char* checksum_kind = "crc32";
constexpr std::array described_keys{"format", "widths", "activations", "image", "checksums"};

/// `path`, or the file `name` in it where it is a directory. Throws ModelError when that has none.
std::filesystem::path file_in(const std::filesystem::path& path, const std::string& name) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return path;
  if (std::filesystem::exists(path / name, error)) return path / name;
  if (std::filesystem::exists(path / "checkpoint.safetensors", error))
    throw ModelError({path.string(), "the directory of a finished run, with " + name,
                      "one that stopped before its end",
                      "Finish it with `hourglass train --resume " + path.string() + "`."});
  throw ModelError({path.string(), "a run directory with " + name, "no such file in it",
                    "Check the path: name a .safetensors file, or a directory that `hourglass "
                    "train` made."});
}

std::string layer_name(const std::string& prefix, std::size_t layer, const char* part) {
  return prefix + "layers." + std::to_string(layer) + "." + part;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t extent : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + ")";
}

/// Throws UsageError or JsonError.
void check(const NetworkDescription& description) {
  description.network.validate();
  std::int64_t pixels = 0;
  if (description.rows < 1 || description.cols < 1 ||
      __builtin_mul_overflow(description.rows, description.cols, &pixels) ||
      pixels != description.network.input_width())
    throw JsonError("images of " + std::to_string(description.rows) + "x" +
                    std::to_string(description.cols) + " for an input width of " +
                    std::to_string(description.network.input_width()));
}

json to_json(const NetworkDescription& description) {
  json value = {{"format", file_format},
                {"widths", description.network.widths},
                {"activations", json::array()},
                {"image", {{"rows", description.rows}, {"cols", description.cols}}},
                {"checksums", checksum_kind}};
  for (const Activation activation : description.network.activations)
    value["activations"].push_back(name(activation));
  return value;
}

NetworkDescription to_description(const json& value) {
  if (whole_number(value.at("format")) != file_format)
    throw JsonError("format " + json_text(value.at("format")) + ", which this version cannot read");
  NetworkDescription description;
  for (const json& width : value.at("widths"))
    description.network.widths.push_back(whole_number(width));
  for (const json& activation : value.at("activations"))
    description.network.activations.push_back(
        parse_activation(activation.get_ref<const std::string&>()));
  description.rows = whole_number(value.at("image").at("rows"));
  description.cols = whole_number(value.at("image").at("cols"));
  check(description);
  return description;
}

}  // namespace

void append_tensors(std::vector<TensorView>& tensors, const std::string& prefix,
                    const NetworkSpec& network, const std::vector<float>& arena) {
  const std::vector<LayerSlot> layout = parameter_layout(network);
  if (std::cmp_not_equal(arena.size(), network.parameter_count()))
    throw ModelError("an arena of " + std::to_string(arena.size()) + " numbers for a network of " +
                     std::to_string(network.parameter_count()) + " parameters");
  for (std::size_t l = 0; l < layout.size(); ++l) {
    const LayerSlot& slot = layout[l];
    tensors.push_back({layer_name(prefix, l, "weight"),
                       Dtype::f32,
                       {slot.out, slot.in},
                       arena.data() + slot.weight});
    tensors.push_back(
        {layer_name(prefix, l, "bias"), Dtype::f32, {slot.out}, arena.data() + slot.bias});
  }
}

void write_network_file(const std::filesystem::path& path, const NetworkDescription& description,
                        const json& rest, const std::vector<TensorView>& tensors) {
  try {
    check(description);
    if (!rest.is_object()) throw JsonError("metadata that is no JSON object");
    json value = to_json(description);
    for (const auto& [key, item] : rest.items()) {
      if (value.contains(key)) throw JsonError("metadata with the reserved key \"" + key + "\"");
      value[key] = item;
    }
    write_safetensors(path, tensors, {{description_key, json_text(value)}});
  } catch (const UsageError& error) {
    throw ModelError(path.string() + ": cannot be written: " + error.what());
  } catch (const JsonError& error) {
    throw ModelError(path.string() + ": cannot be written: " + error.what());
  }
}

NetworkFile::NetworkFile(const std::filesystem::path& path, const char* name)
    : reader_(file_in(path, name)) {
  parse_description();
}

void NetworkFile::refuse(const std::string& expected, const std::string& found) const {
  throw ModelError(Finding{path(), expected, found,
                           "The file is damaged or of another kind: use an older copy or train "
                           "again."});
}

void NetworkFile::parse_description() {
  const auto found = reader_.metadata().find(description_key);
  if (found == reader_.metadata().end())
    throw ModelError(Finding{path(), "a description in the metadata key \"hourglass\"", "none",
                             "Name a file that hourglass wrote, or add the key as "
                             "docs/file-formats.md describes it."});
  constexpr const char* expected = "a network's description in the metadata key \"hourglass\"";
  try {
    json value = parse_json(found->second);
    description_ = to_description(value);
    if (value.contains("checksums")) {
      if (value["checksums"] != checksum_kind || !checked())
        throw JsonError("the mention of checksums that the file does not have");
    }
    for (const char* key : described_keys) value.erase(key);
    rest_json_ = json_text(value);
  } catch (const json::exception& error) {
    refuse(expected, error.what());
  } catch (const JsonError& error) {
    refuse(expected, error.what());
  } catch (const UsageError& error) {
    refuse(expected, error.what());
  }
}

const TensorInfo& NetworkFile::tensor(const std::string& name,
                                      const std::vector<std::int64_t>& shape) const {
  const TensorInfo* info = reader_.find(name);
  if (info == nullptr) refuse("the tensor " + name, "none");
  if (info->shape != shape || info->dtype != Dtype::f32)
    refuse(name + " of shape " + shape_text(shape) + " in F32",
           "shape " + shape_text(info->shape) + " in " + std::string(hourglass::name(info->dtype)));
  return *info;
}

std::vector<std::vector<float>> NetworkFile::read_arenas(
    const std::vector<std::string>& prefixes) const {
  const std::vector<LayerSlot> layout = parameter_layout(description_.network);
  const std::size_t wanted = 2 * layout.size() * prefixes.size();
  if (reader_.tensors().size() != wanted)
    refuse(std::to_string(wanted) + " tensors", std::to_string(reader_.tensors().size()));
  struct Part {
    const TensorInfo* tensor;
    std::int64_t offset;
  };
  std::vector<std::vector<Part>> parts(prefixes.size());
  // All shapes first: then the arenas are as large as the file's own data.
  for (std::size_t p = 0; p < prefixes.size(); ++p) {
    for (std::size_t l = 0; l < layout.size(); ++l) {
      const LayerSlot& slot = layout[l];
      parts[p].push_back(
          {&tensor(layer_name(prefixes[p], l, "weight"), {slot.out, slot.in}), slot.weight});
      parts[p].push_back({&tensor(layer_name(prefixes[p], l, "bias"), {slot.out}), slot.bias});
    }
  }
  std::vector<std::vector<float>> arenas;
  for (const std::vector<Part>& arena_parts : parts) {
    auto& arena =
        arenas.emplace_back(static_cast<std::size_t>(description_.network.parameter_count()));
    for (const Part& part : arena_parts) reader_.read(*part.tensor, arena.data() + part.offset);
  }
  return arenas;
}

}  // namespace hourglass
