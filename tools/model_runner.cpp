#include "model_runner.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "hourglass/error.h"

namespace hourglass::tools {

ModelRunner load_runner(const std::string& path, const EngineRequest& request) {
  ModelRunner runner;
  runner.path = path;
  runner.model = load_model(path);
  TrainingPlan plan;
  plan.network = runner.model.network;
  plan.train.rows = runner.model.rows;
  plan.train.cols = runner.model.cols;
  ChosenEngine chosen = choose_engine(plan, request);
  if (!chosen.note.empty()) std::fprintf(stderr, "device  %s\n", chosen.note.c_str());
  runner.request = chosen.request;
  runner.engine = std::move(chosen.engine);
  TrainingState state;
  state.parameters = runner.model.parameters;
  state.first_moment.resize(state.parameters.size());
  state.second_moment.resize(state.parameters.size());
  runner.engine->set_state(state);
  return runner;
}

void require_width(const ModelRunner& runner, std::int64_t width, const std::string& source) {
  if (runner.model.network.input_width() == width) return;
  throw ModelError({runner.path,
                    "a model for the " + std::to_string(width) + " pixels of " + source,
                    "one for images of " + shape_text(runner.model.rows, runner.model.cols),
                    "Use data of that shape, or train a model on this data."});
}

void require_ending(const std::string& path, std::initializer_list<std::string_view> endings) {
  if (std::ranges::any_of(endings, [&](std::string_view end) { return path.ends_with(end); }))
    return;
  std::string expected;
  for (const std::string_view ending : endings)
    expected += (expected.empty() ? "a name ending in " : " or ") + std::string(ending);
  throw UsageError({"-o " + path, expected, "another name", "The ending says what is written."});
}

std::string shape_text(std::int64_t rows, std::int64_t cols) {
  return std::to_string(rows) + "x" + std::to_string(cols) + " (" + std::to_string(rows * cols) +
         " pixels)";
}

}  // namespace hourglass::tools
