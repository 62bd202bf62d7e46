// A saved model, ready to run forward, and the checks that verbs share.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hourglass/engine.h"
#include "hourglass/make_engine.h"
#include "hourglass/model_file.h"

namespace hourglass::tools {

/// Rows that verbs read, run and write at once; what keeps their memory bounded.
inline constexpr std::int64_t block_rows = 1024;

struct ModelRunner {
  std::string path;
  ModelFile model;
  EngineRequest request;  // what the engine was chosen by, in the end
  std::unique_ptr<Engine> engine;
};

/// Loads `model.safetensors` or the one in a run directory and gives it to an engine without
/// training data. Throws ModelError, DeviceError, UsageError.
[[nodiscard]] ModelRunner load_runner(const std::string& path, const EngineRequest& request);

/// Throws ModelError when the model's input is not `width` numbers wide; `source` names what is.
void require_width(const ModelRunner& runner, std::int64_t width, const std::string& source);

/// Throws UsageError unless `path` ends in one of `endings`, which are for the message too.
void require_ending(const std::string& path, std::initializer_list<std::string_view> endings);

/// "28x28 (784 pixels)"
[[nodiscard]] std::string shape_text(std::int64_t rows, std::int64_t cols);

}  // namespace hourglass::tools
