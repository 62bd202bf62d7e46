#include "train/run_config.h"

#include <nlohmann/json.hpp>

#include "hourglass/error.h"

namespace hourglass {
namespace {

using Json = nlohmann::ordered_json;

Json data_json(const DataSet& data) {
  Json hashes = Json::array();
  for (const SourceFile& file : data.files) hashes.push_back(file.sha256);
  return {{"train_images", data.train.count}, {"width", data.train.width()}, {"sha256", hashes}};
}

Json parse(std::string_view config) {
  Json object = Json::parse(config, nullptr, false);
  if (!object.is_object() || !object.contains("recipe") || !object.contains("data"))
    throw ModelError("checkpoint: expected the configuration of a run, found " +
                     std::string(config.substr(0, 80)) + ". Start the run anew.");
  return object;
}

}  // namespace

std::string run_config(const Recipe& recipe, const DataSet& data) {
  return Json{{"recipe", Json::parse(to_json(recipe))}, {"data", data_json(data)}}.dump();
}

Recipe recipe_of_run(std::string_view config) {
  return recipe_from_json(parse(config)["recipe"].dump(), Recipe{});
}

void require_same_data(std::string_view config, const DataSet& data) {
  const Json expected = parse(config)["data"];
  const Json found = data_json(data);
  // The same images may lie plain or compressed, so hashes count only when the shapes agree too.
  if (expected["train_images"] != found["train_images"] || expected["width"] != found["width"])
    throw ModelError({"checkpoint", "the data of its run, " + expected.dump(), found.dump(),
                      "Resume with the same --data."});
}

}  // namespace hourglass
