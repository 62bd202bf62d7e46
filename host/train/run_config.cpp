#include "train/run_config.h"

#include <zlib.h>

#include <nlohmann/json.hpp>

#include "hourglass/error.h"
#include "hourglass/make_engine.h"

namespace hourglass {
namespace {

using Json = nlohmann::ordered_json;

/// CRC-32 of the training pixels: the same for plain and compressed files.
std::uint64_t pixels_crc(const Images& images) {
  return crc32_z(0, reinterpret_cast<const Bytef*>(images.pixels),
                 static_cast<std::size_t>(images.count * images.row_bytes()));
}

Json data_json(const DataSet& data) {
  return {{"train_images", data.train.count},
          {"width", data.train.width()},
          {"pixels_crc32", pixels_crc(data.train)}};
}

Json parse(std::string_view config) {
  Json object = Json::parse(config, nullptr, false);
  if (!object.is_object() || !object.contains("recipe") || !object.contains("data") ||
      !object.value("precision", Json()).is_string())
    throw ModelError("checkpoint: expected the configuration of a run, found " +
                     std::string(config.substr(0, 80)) + ". Start the run anew.");
  return object;
}

/// Names in a checkpoint that this version does not know are the checkpoint's fault.
template <typename Read>
auto as_model_error(Read&& read) {
  try {
    return read();
  } catch (const UsageError& error) {
    throw ModelError(std::string("checkpoint: ") + error.what());
  }
}

}  // namespace

std::string run_config(const Recipe& recipe, const DataSet& data, Precision precision) {
  return Json{{"recipe", Json::parse(to_json(recipe))},
              {"precision", name(precision)},
              {"data", data_json(data)}}
      .dump();
}

Recipe recipe_of_run(std::string_view config) {
  return as_model_error([&] { return recipe_from_json(parse(config)["recipe"].dump(), Recipe{}); });
}

Precision precision_of_run(std::string_view config) {
  return as_model_error(
      [&] { return parse_precision(parse(config)["precision"].get<std::string>()); });
}

void require_same_data(std::string_view config, const DataSet& data) {
  const Json expected = parse(config)["data"];
  const Json found = data_json(data);
  bool same = expected.is_object();
  for (const auto& [key, value] : found.items())
    same = same && expected.value(key, Json()) == value;
  if (!same)
    throw ModelError({"checkpoint", "the data of its run, " + expected.dump(), found.dump(),
                      "Resume with the same --data."});
}

}  // namespace hourglass
