#include "train/result_json.h"

namespace hourglass {

using Json = nlohmann::ordered_json;

Json quality_json(const Quality& quality) {
  return {{"mse", quality.mse}, {"se", quality.se}, {"se_clipped", quality.se_clipped}};
}

Json pca_json(const std::optional<PcaQuality>& pca) {
  if (!pca) return nullptr;
  Json object = quality_json(pca->test);
  object["components"] = pca->components;
  return object;
}

Json dead_json(const DeadUnits& dead) {
  return {{"code", dead.code}, {"outputs", dead.outputs}, {"layers", dead.layers}};
}

Json dataset_json(const DataSet& data) {
  Json hashes = Json::object();
  for (const SourceFile& file : data.files) hashes[file.path] = file.sha256;
  return {{"name", data.name},         {"builtin", data.builtin},
          {"train", data.train.count}, {"validation", data.validation.count},
          {"test", data.test.count},   {"sha256", hashes}};
}

}  // namespace hourglass
