// hourglass train
#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "common_flags.h"
#include "hourglass/checkpoint.h"
#include "hourglass/error.h"
#include "hourglass/trainer.h"
#include "progress.h"
#include "show.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

/// The first signal ends the run after the step in progress; the second ends the process.
void handle_signal(int signal) {
  if (received_signal.exchange(signal) != 0) std::_Exit(128 + signal);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = handle_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM})
    if (sigaction(signal, &action, nullptr) != 0)
      throw Error(ExitCode::internal, "cannot install a signal handler");
}

/// Flags that change the recipe; unset ones leave the preset's or the file's value.
struct RecipeFlags {
  std::string preset_name = "principal";
  std::string config;
  std::optional<std::string> widths, hidden, code, output, init, adam_form, schedule;
  std::optional<std::int64_t> epochs, batch, warmup;
  std::optional<double> rate, beta1, beta2, epsilon;
  std::uint64_t seed = 0;

  void add(CLI::App& verb) {
    std::string presets;
    for (const auto name : preset_names())
      presets += (presets.empty() ? "" : "; ") + std::string(name) + ": " +
                 std::string(preset_summary(name));
    verb.add_option("--preset", preset_name, presets);
    verb.add_option("--config", config,
                    "JSON file with a recipe (keys as in config.json); other flags win; not with "
                    "--preset, which a recipe names itself")
        ->default_str("none");
    const auto optional = [&](const char* flag, auto& target, const char* help) {
      return verb.add_option(flag, target, help)->default_str("the preset's");
    };
    optional("--widths", widths,
             "all widths, e.g. 784,392,196,392,784, or the encoder's, each less than the one "
             "before, which are mirrored");
    optional("--hidden", hidden, "activation of hidden layers: relu, gelu, sigmoid, tanh, linear");
    optional("--code", code, "activation of the code layer");
    optional("--output", output, "activation of the output layer");
    optional("--init", init, "principal or variance_scaling");
    optional("--epochs", epochs, "passes over the training images");
    optional("--batch", batch, "images a step");
    optional("--lr", rate, "learning rate");
    optional("--warmup", warmup, "steps of linear warm-up");
    optional("--schedule", schedule, "constant or cosine");
    optional("--beta1", beta1, "Adam's decay of the first moment");
    optional("--beta2", beta2, "Adam's decay of the second moment");
    optional("--epsilon", epsilon, "Adam's epsilon");
    optional("--adam-form", adam_form, "where epsilon stands: kingma_ba or tensorflow");
    verb.add_option("--seed", seed, "of weights and batch order");
  }

  /// Says on stderr what a mirrored list became.
  [[nodiscard]] std::vector<std::int64_t> widths_of_flag() const {
    const std::vector<std::int64_t> resolved = parse_widths(*widths);
    const auto separators = std::ranges::count_if(*widths, [](char c) { return !std::isdigit(c); });
    if (separators + 1 == std::ssize(resolved)) return resolved;
    std::string text;
    for (const std::int64_t width : resolved)
      text += (text.empty() ? "" : "-") + std::to_string(width);
    std::fprintf(stderr, "widths  %s is an encoder's list, mirrored: %s\n", widths->c_str(),
                 text.c_str());
    return resolved;
  }

  [[nodiscard]] Recipe resolved(const CLI::App& verb) const {
    if (!config.empty() && verb.count("--preset") > 0)
      throw UsageError({"--config " + config, "no --preset beside it: a recipe names its own",
                        "--preset " + preset_name,
                        "Leave one of the two out; other flags change the recipe."});
    std::string text;
    if (!config.empty()) {
      std::ifstream file(config, std::ios::binary);
      if (!file)
        throw UsageError(
            {"--config " + config, "a JSON file", "none that can be read", "Check the path."});
      text.assign(std::istreambuf_iterator<char>(file), {});
    }
    Recipe recipe = preset(text.empty() ? preset_name : preset_of_json(text, preset_name));
    if (!text.empty()) recipe = recipe_from_json(text, recipe);
    if (widths) recipe.widths = widths_of_flag();
    if (hidden) recipe.hidden = parse_activation(*hidden);
    if (code) recipe.code = parse_activation(*code);
    if (output) recipe.output = parse_activation(*output);
    if (init) recipe.init = parse_initialisation(*init);
    if (epochs) recipe.epochs = *epochs;
    if (batch) recipe.batch = *batch;
    if (rate) recipe.optimizer.learning_rate = *rate;
    if (warmup) recipe.optimizer.warmup_steps = *warmup;
    if (schedule) recipe.optimizer.schedule = parse_schedule(*schedule);
    if (beta1) recipe.optimizer.beta1 = *beta1;
    if (beta2) recipe.optimizer.beta2 = *beta2;
    if (epsilon) recipe.optimizer.epsilon = *epsilon;
    if (adam_form) recipe.optimizer.form = parse_adam_form(*adam_form);
    if (text.empty() || verb.count("--seed") > 0) recipe.seed = seed;
    recipe.validate();
    return recipe;
  }
};

struct TrainFlags {
  RecipeFlags recipe;
  DataFlags data;
  EngineFlags engine;
  std::string out;
  std::string resume;
  std::int64_t steps = 0;
  std::int64_t save_every = 0;
  std::int64_t pictures = 10;
  bool force = false;
  std::string profile_steps;
  bool no_graphs = false;
  bool check = false;
  bool json = false;
};

/// runs/2026-11-24-093015, with a number behind it when that is taken.
std::string fresh_directory() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[64];
  std::strftime(text, sizeof text, "runs/%Y-%m-%d-%H%M%S", &parts);
  std::string directory = text;
  for (int i = 2; std::filesystem::exists(directory); ++i)
    directory = std::string(text) + "-" + std::to_string(i);
  return directory;
}

void forbid_with_resume(const CLI::App& verb) {
  for (const char* flag :
       {"--preset",  "--config",    "--widths", "--hidden", "--code",      "--output", "--init",
        "--epochs",  "--batch",     "--lr",     "--warmup", "--schedule",  "--beta1",  "--beta2",
        "--epsilon", "--adam-form", "--seed",   "--limit",  "--precision", "--out",    "--force"})
    if (verb.count(flag) > 0)
      throw UsageError(std::string("--resume goes on with the run as it was; ") + flag +
                       " cannot be changed. Start a new run for that.");
}

int train_verb(const CLI::App& verb, TrainFlags& flags, const Invocation& invocation) {
  TrainRequest request;
  request.started = invocation.started;
  if (!flags.profile_steps.empty())
    flags.engine.request.profile_steps = parse_profile_steps(flags.profile_steps);
  flags.engine.request.graphs = !flags.no_graphs;
  request.engine = flags.engine.resolved();
  request.engine.check = flags.check;
  request.stop_at_step = flags.steps;
  request.save_every = flags.save_every;
  request.pictures = flags.pictures;
  request.force = flags.force;
  request.signal = &received_signal;
  if (!flags.resume.empty()) {
    forbid_with_resume(verb);
    request.directory = flags.resume;
    request.checkpoint = checkpoint_to_resume(request.directory);
    request.recipe = recipe_of(*request.checkpoint);
    if (verb.count("--data") == 0) flags.data.request.source = request.recipe.data;
    flags.data.request.limit = request.recipe.limit;
  } else {
    request.recipe = flags.recipe.resolved(verb);
    if (verb.count("--data") > 0 || flags.recipe.config.empty())
      request.recipe.data = flags.data.request.source;
    flags.data.request.source = request.recipe.data;
    if (verb.count("--limit") > 0) request.recipe.limit = flags.data.request.limit;
    flags.data.request.limit = request.recipe.limit;
    request.directory = flags.out.empty() ? fresh_directory() : flags.out;
  }
  request.data = obtain_dataset(flags.data.request);

  catch_signals();
  const bool tutorial_lines = request.recipe.preset == "tutorial" && !flags.json;
  Progress progress(tutorial_lines);
  const TrainResult result = train(request, progress);
  if (flags.json) std::printf("%s\n", to_json(result, request).c_str());
  if (result.signal != 0) {
    std::fprintf(stderr, "stopped after step %lld; go on with: hourglass train --resume %s\n",
                 static_cast<long long>(result.steps), request.directory.c_str());
    return 128 + result.signal;
  }
  if (flags.json) return 0;
  if (tutorial_lines && result.steps_now == 0)  // its lines were not printed while it ran
    for (std::size_t epoch = 0; epoch < result.losses.size(); ++epoch)
      std::printf("epoch %zu loss %.16g\n", epoch, result.losses[epoch]);
  if (tutorial_lines) show_first_test_images(request.directory, request.data, stdout);
  std::fputs(("\n" + result_table(result, request)).c_str(), stdout);
  std::printf("%s   %s\n", result.steps_now > 0 ? "saved" : "run  ", request.directory.c_str());
  return 0;
}

}  // namespace

void add_train(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* verb = app.add_subcommand("train", "Train an autoencoder into a run directory");
  flags->recipe.add(*verb);
  flags->data.add(*verb);
  flags->engine.add(*verb);
  verb->add_option("--steps", flags->steps,
                   "stop after this many steps of the plan that --epochs makes; 0: all")
      ->check(whole_number(0));
  verb->add_option("-o,--out", flags->out, "run directory")->default_str("runs/DATE-TIME");
  verb->add_option("--resume", flags->resume, "go on with the run in this directory, bit for bit")
      ->default_str("none");
  verb->add_option("--save-every", flags->save_every, "steps between checkpoints; 0: an epoch")
      ->check(whole_number(0));
  verb->add_option("--pictures", flags->pictures, "test images in reconstructions.png")
      ->check(whole_number(1, 10000));
  verb->add_flag("--force", flags->force, "replace the run in --out");
  verb->add_flag("--check", flags->check, "run the oracle beside the engine and compare (slow)");
  verb->add_option("--profile-steps", flags->profile_steps,
                   "A:B: switch a GPU profiler on for steps A to B - 1 (docs/profiling.md)")
      ->default_str("none");
  verb->add_flag("--no-graphs", flags->no_graphs,
                 "on a GPU, launch kernel by kernel: slower, the same bits, every phase named in a "
                 "profile");
  verb->add_flag("--json", flags->json, "print the result as one JSON object");
  verb->callback([verb, flags, &invocation] {
    invocation.action = [verb, flags, &invocation] {
      return train_verb(*verb, *flags, invocation);
    };
  });
}

}  // namespace hourglass::tools
