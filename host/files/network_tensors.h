// What models and checkpoints share: a network's tensors and its description.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hourglass/network_spec.h"
#include "hourglass/safetensors.h"

namespace hourglass {

/// A network and the shape of its images, as `hourglass` metadata describes them.
struct NetworkDescription {
  NetworkSpec network;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};

/// Adds the tensors `PREFIXlayers.L.weight` and `PREFIXlayers.L.bias` of an arena.
void append_tensors(std::vector<TensorView>& tensors, const std::string& prefix,
                    const NetworkSpec& network, const std::vector<float>& arena);

/// Writes tensors with `description` and the object `rest` as the `hourglass` key. Throws
/// ModelError when the description contradicts itself, JsonError when `rest` uses one of its keys.
void write_network_file(const std::filesystem::path& path, const NetworkDescription& description,
                        const nlohmann::json& rest, const std::vector<TensorView>& tensors);

/// A file of `write_network_file`, open, with its description taken out.
class NetworkFile {
 public:
  /// `name` is the file to take when `path` is a directory. Throws ModelError.
  NetworkFile(const std::filesystem::path& path, const char* name);

  [[nodiscard]] const NetworkDescription& description() const { return description_; }
  [[nodiscard]] const std::string& rest_json() const { return rest_json_; }
  [[nodiscard]] bool checked() const { return reader_.checked(); }
  [[nodiscard]] std::string path() const { return reader_.path().string(); }

  /// Reads one arena for each prefix; the file must hold just these tensors. Throws ModelError.
  [[nodiscard]] std::vector<std::vector<float>> read_arenas(
      const std::vector<std::string>& prefixes) const;

  /// Throws ModelError about this file.
  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const;

 private:
  void parse_description();
  [[nodiscard]] const TensorInfo& tensor(const std::string& name,
                                         const std::vector<std::int64_t>& shape) const;

  SafetensorsReader reader_;
  NetworkDescription description_;
  std::string rest_json_;
};

}  // namespace hourglass
