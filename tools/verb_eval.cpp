// hourglass eval
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "common_flags.h"
#include "hourglass/error.h"
#include "hourglass/quality.h"
#include "model_runner.h"
#include "row_source.h"
#include "train/result_json.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

struct EvalFlags {
  std::string model;
  DataFlags data;
  EngineFlags engine;
  std::string part = "test";
  std::optional<double> max_se, max_mse;
  bool no_pca = false;
  bool json = false;
};

struct EvalResult {
  EngineInfo engine;
  Quality quality;
  std::optional<PcaQuality> pca;
  DeadUnits dead;
};

EvalResult evaluate(const EvalFlags& flags, const ModelRunner& runner, const DataSet& data) {
  const Images& images = part_of(data, flags.part);
  const NetworkSpec& network = runner.model.network;
  EvalResult result;
  result.engine = runner.engine->info();
  const Evaluation evaluation = runner.engine->evaluate(images);
  result.quality = quality(evaluation, network.output_width());
  result.dead = dead_units(evaluation, network, lit_pixels(data.train));
  if (!flags.no_pca) result.pca = pca_beside(network, data.train, images, runner.request);
  return result;
}

void print_json(const EvalFlags& flags, const ModelRunner& runner, const DataSet& data,
                const EvalResult& result) {
  nlohmann::ordered_json object{{"model", flags.model},
                                {"network", runner.model.network.describe()},
                                {"dataset", dataset_json(data)},
                                {"engine", result.engine.name},
                                {"precision", result.engine.precision},
                                {"threads", result.engine.threads}};
  object["dataset"]["part"] = flags.part;
  object["dataset"]["images"] = part_of(data, flags.part).count;
  object.update(quality_json(result.quality));
  object["pca"] = pca_json(result.pca);
  object["dead"] = dead_json(result.dead);
  std::printf("%s\n", object.dump().c_str());
}

void print_row(const std::string& label, const Quality& quality) {
  std::printf("%-26s %9.5f  %8.3f  %10.3f\n", label.c_str(), quality.mse, quality.se,
              quality.se_clipped);
}

void print_table(const EvalFlags& flags, const ModelRunner& runner, const DataSet& data,
                 const EvalResult& result) {
  const auto number = [](std::int64_t value) { return static_cast<long long>(value); };
  std::printf("%s: %s on %lld images of %s\n", flags.model.c_str(),
              runner.model.network.describe().c_str(), number(part_of(data, flags.part).count),
              data.name.c_str());
  if (!data.note.empty()) std::printf("note: %s\n", data.note.c_str());
  std::printf("\n%-26s %9s  %8s  %10s\n", "", "MSE", "SE", "SE clipped");
  print_row(flags.part, result.quality);
  if (result.pca)
    print_row(flags.part + ", PCA with " + std::to_string(result.pca->components) + " numbers",
              result.pca->test);
  std::printf("dead units: %lld of %lld in the code; %lld output pixels that never light\n",
              number(result.dead.code), number(runner.model.network.code_width()),
              number(result.dead.outputs));
}

/// Throws QualityError when a gate was asked for and not met.
void require_quality(const char* flag, const std::optional<double>& most, double found) {
  if (!most || found <= *most) return;  // a NaN does not pass
  throw QualityError({flag, "at most " + std::to_string(*most), std::to_string(found),
                      "The model is not as good as asked for."});
}

int eval_verb(const EvalFlags& flags) {
  ModelRunner runner = load_runner(flags.model, flags.engine.resolved());
  const DataSet data = obtain_dataset(flags.data.request);
  require_width(runner, part_of(data, flags.part).width(), data.name);
  const EvalResult result = evaluate(flags, runner, data);
  if (flags.json)
    print_json(flags, runner, data, result);
  else
    print_table(flags, runner, data, result);
  require_quality("--max-se", flags.max_se, result.quality.se);
  require_quality("--max-mse", flags.max_mse, result.quality.mse);
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* verb = app.add_subcommand("eval", "Judge a model on images, beside PCA");
  verb->add_option("MODEL", flags->model, "model.safetensors or a run directory")->required();
  flags->data.add(*verb);
  flags->engine.add(*verb);
  verb->add_option("--part", flags->part, "train, validation or test");
  verb->add_option("--max-se", flags->max_se, "exit with 7 when SE is larger")
      ->default_str("no limit");
  verb->add_option("--max-mse", flags->max_mse, "exit with 7 when MSE is larger")
      ->default_str("no limit");
  verb->add_flag("--no-pca", flags->no_pca, "leave out PCA of the same code width");
  verb->add_flag("--json", flags->json, "print the result as one JSON object");
  verb->callback(
      [flags, &invocation] { invocation.action = [flags] { return eval_verb(*flags); }; });
}

}  // namespace hourglass::tools
