#include "hourglass/model_file.h"

#include <nlohmann/json.hpp>

#include "files/json.h"
#include "files/network_tensors.h"
#include "hourglass/error.h"

namespace hourglass {

void save_model(const std::filesystem::path& path, const ModelFile& model) {
  std::vector<TensorView> tensors;
  append_tensors(tensors, "", model.network, model.parameters);
  try {
    write_network_file(path, {model.network, model.rows, model.cols},
                       parse_json(model.metadata_json), tensors);
  } catch (const JsonError& error) {
    throw ModelError(path.string() + ": metadata: " + error.what());
  }
}

ModelFile load_model(const std::filesystem::path& path) {
  const NetworkFile file(path, "model.safetensors");
  ModelFile model;
  model.network = file.description().network;
  model.rows = file.description().rows;
  model.cols = file.description().cols;
  model.parameters = std::move(file.read_arenas({""}).front());
  model.metadata_json = file.rest_json();
  model.checked = file.checked();
  return model;
}

}  // namespace hourglass
