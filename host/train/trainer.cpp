#include "hourglass/trainer.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "hourglass/atomic_file.h"
#include "hourglass/checkpoint.h"
#include "hourglass/error.h"
#include "train/metrics_log.h"
#include "train/run_config.h"
#include "train/run_directory.h"
#include "train/run_files.h"

namespace hourglass {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::uint64_t hash_of(const TrainingState& state) {  // FNV-1a
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const auto* arena : {&state.parameters, &state.first_moment, &state.second_moment})
    for (const float value : *arena)
      hash = (hash ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001B3U;
  return hash;
}

class Trainer {
 public:
  Trainer(const TrainRequest& request, TrainObserver& observer)
      : request_(request),
        observer_(observer),
        recipe_(request.recipe),
        engine_request_(resolve(request.engine).request),
        checkpoint_(request.checkpoint) {}

  TrainResult run();

 private:
  void plan();
  TrainingState start();
  void require_profiled_steps(std::int64_t first_step, std::int64_t last_step) const;
  void train_to(std::int64_t last_step);
  void take_reports();
  void finish_epoch();
  void save();
  void evaluate();
  void conclude(const TrainingState& state, std::int64_t first_step);
  [[nodiscard]] int signal() const {
    return request_.signal == nullptr ? 0 : request_.signal->load();
  }
  [[nodiscard]] RunDirectory& directory() { return *directory_; }

  const TrainRequest& request_;
  TrainObserver& observer_;
  Recipe recipe_;
  EngineRequest engine_request_;
  TrainingPlan plan_;
  TrainResult result_;
  std::int64_t steps_per_epoch_ = 1;
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::optional<RunDirectory> directory_;
  std::optional<MetricsLog> log_;
  std::optional<PrincipalComponents> components_;
  std::unique_ptr<Engine> engine_;
  std::int64_t done_ = 0;
  std::int64_t log_interval_ = 1;
  int nonfinite_in_a_row_ = 0;
  double epoch_loss_sum_ = 0;
  std::int64_t epoch_loss_count_ = 0;
};

void Trainer::plan() {
  recipe_.validate();
  plan_.network = recipe_.network(request_.data.train.width());
  plan_.batch = recipe_.batch;
  plan_.seed = recipe_.seed;
  plan_.train = request_.data.train;
  steps_per_epoch_ = recipe_.steps_per_epoch(plan_.train.count);
  if (recipe_.optimizer.total_steps == 0)
    recipe_.optimizer.total_steps = recipe_.epochs * steps_per_epoch_;
  if (request_.stop_at_step > recipe_.optimizer.total_steps)
    throw UsageError("--steps " + std::to_string(request_.stop_at_step) +
                     " is beyond the plan of " + std::to_string(recipe_.optimizer.total_steps) +
                     " steps. Ask for more --epochs.");
  plan_.optimizer = recipe_.optimizer;
  result_.network = plan_.network;
}

void Trainer::require_profiled_steps(std::int64_t first_step, std::int64_t last_step) const {
  const StepRange& steps = engine_request_.profile_steps;
  if (steps.empty() || (steps.first >= first_step && steps.last <= last_step)) return;
  throw UsageError({"--profile-steps " + to_string(steps),
                    "steps that this run does, within " + to_string({first_step, last_step}),
                    to_string(steps), "Ask for others, or for more --epochs or --steps."});
}

TrainingState Trainer::start() {
  if (checkpoint_) return checkpoint_->state;
  TrainingState state;
  if (recipe_.init == Initialisation::principal) {
    components_ = principal_components(plan_.train, plan_.network.code_width(), engine_request_);
    state.parameters = principal(plan_.network, recipe_.seed, *components_);
  } else {
    state.parameters = variance_scaling(plan_.network, recipe_.seed);
  }
  state.first_moment.assign(state.parameters.size(), 0.0F);
  state.second_moment.assign(state.parameters.size(), 0.0F);
  return state;
}

void Trainer::take_reports() {
  for (const StepReport& report : engine_->take_reports()) {
    if (report.step % log_interval_ == 0 || report.nonfinite_layer >= 0)
      log_->step(report, learning_rate(plan_.optimizer, report.step));
    if (report.nonfinite_layer < 0) {
      nonfinite_in_a_row_ = 0;
      epoch_loss_sum_ += report.loss;
      ++epoch_loss_count_;
      continue;
    }
    const std::string where =
        "step " + std::to_string(report.step) + ", layer " + std::to_string(report.nonfinite_layer);
    observer_.note("NaN or Inf in " + where + ": the update was skipped");
    if (++nonfinite_in_a_row_ >= max_nonfinite_steps)
      throw DivergedError("training diverged: NaN or Inf in " +
                          std::to_string(max_nonfinite_steps) + " steps in a row, the last in " +
                          where + ". The last checkpoint is untouched. Try a smaller --lr.");
  }
}

void Trainer::save() {
  Checkpoint checkpoint;
  checkpoint.network = plan_.network;
  checkpoint.rows = plan_.train.rows;
  checkpoint.cols = plan_.train.cols;
  checkpoint.state = engine_->state();
  checkpoint.seed = recipe_.seed;
  checkpoint.config_json = run_config(recipe_, request_.data, *engine_request_.precision);
  save_checkpoint(directory().checkpoint(), checkpoint);
}

void Trainer::finish_epoch() {
  EpochReport report;
  report.epoch = done_ / steps_per_epoch_ - 1;
  report.steps_done = done_;
  report.loss = engine_->batch_loss(done_ - 1);
  if (epoch_loss_count_ > 0)
    report.mean_loss = epoch_loss_sum_ / static_cast<double>(epoch_loss_count_);
  report.validation =
      quality(engine_->evaluate(request_.data.validation), plan_.network.output_width());
  epoch_loss_sum_ = 0;
  epoch_loss_count_ = 0;
  result_.losses.push_back(report.loss);
  log_->epoch(report);
  observer_.epoch_finished(report);
}

void Trainer::train_to(std::int64_t last_step) {
  const std::int64_t save_every = request_.save_every > 0 ? request_.save_every : steps_per_epoch_;
  // Steps asked for at once: about 50 ms of them, so that signals and progress are seen in time and
  // an engine that likes long ranges gets them.
  constexpr double block_seconds = 0.05;
  std::int64_t block = 1;
  while (done_ < last_step && signal() == 0) {
    const auto next_multiple = [&](std::int64_t of) { return (done_ / of + 1) * of; };
    const std::int64_t end = std::min(
        {done_ + block, last_step, next_multiple(steps_per_epoch_), next_multiple(save_every)});
    const auto begin = Clock::now();
    engine_->run(end - done_);
    engine_->synchronize();
    const double elapsed = seconds_since(begin);
    result_.seconds_train += elapsed;
    if (elapsed < 0.5 * block_seconds) block = std::min<std::int64_t>(2 * block, 4096);
    if (elapsed > 2 * block_seconds) block = std::max<std::int64_t>(1, block / 2);
    done_ = end;
    take_reports();
    observer_.progressed(done_, epoch_loss_count_ == 0
                                    ? 0.0
                                    : epoch_loss_sum_ / static_cast<double>(epoch_loss_count_));
    if (done_ % steps_per_epoch_ == 0) finish_epoch();
    // Never over a good checkpoint while steps are being skipped.
    if (done_ % save_every == 0 && done_ < last_step && nonfinite_in_a_row_ == 0) save();
  }
}

void Trainer::evaluate() {
  const auto begin = Clock::now();
  const std::int64_t width = plan_.network.output_width();
  result_.validation = quality(engine_->evaluate(request_.data.validation), width);
  const Evaluation test = engine_->evaluate(request_.data.test);
  result_.test = quality(test, width);
  result_.dead = dead_units(test, plan_.network, lit_pixels(plan_.train));
  const Images& images = request_.data.test;
  result_.pca = components_ ? pca_quality(*components_, images, engine_request_.cpu_threads())
                            : pca_beside(plan_.network, plan_.train, images, engine_request_);
  result_.seconds_evaluate = seconds_since(begin);
}

/// What a result says of the state that the run ends with.
void Trainer::conclude(const TrainingState& state, std::int64_t first_step) {
  result_.steps = state.step;
  result_.steps_now = state.step - first_step;
  result_.skipped_steps = state.skipped_steps;
  result_.parameters_hash = hash_of(state);
  if (result_.steps_now > 0)
    result_.ms_per_step = 1e3 * result_.seconds_train / static_cast<double>(result_.steps_now);
}

TrainResult Trainer::run() {
  // Everything that can be wrong with the input is found before the run directory is touched.
  if (checkpoint_) {
    recipe_ = recipe_of_run(checkpoint_->config_json);
    require_same_data(checkpoint_->config_json, request_.data);
    engine_request_.precision = precision_of_run(checkpoint_->config_json);
    // TF32 is a GPU's way to multiply: a state of such a run goes on in fp32 elsewhere.
    if (engine_request_.precision == Precision::tf32 && !engine_request_.is_cuda())
      engine_request_.precision = Precision::fp32;
    engine_request_.validate();
  }
  plan();
  result_.recipe = recipe_;
  if (checkpoint_ && checkpoint_->network != plan_.network)
    throw ModelError({(request_.directory / "checkpoint.safetensors").string(),
                      "a checkpoint of " + plan_.network.describe(),
                      "one of " + checkpoint_->network.describe(),
                      "Resume with the data the run was started with."});
  const std::int64_t first_step = checkpoint_ ? checkpoint_->state.step : 0;
  const std::int64_t last_step = request_.stop_at_step > 0
                                     ? std::max(first_step, request_.stop_at_step)
                                     : plan_.optimizer.total_steps;
  require_profiled_steps(first_step, last_step);
  ChosenEngine chosen = choose_engine(plan_, engine_request_);
  if (!chosen.note.empty()) observer_.note(chosen.note);
  engine_request_ = chosen.request;
  engine_ = std::move(chosen.engine);
  const TrainingState state = start();
  result_.engine = engine_->info();
  done_ = first_step;
  if (checkpoint_ && done_ == last_step && holds_result(request_.directory, done_)) {
    observer_.note("all " + std::to_string(done_) +
                   " steps are done; this is the result again, and nothing is written");
    engine_->set_state(state);
    result_.losses =
        read_metrics(request_.directory / "metrics.jsonl", steps_per_epoch_).epoch_losses;
    result_.seconds_setup = seconds_since(request_.started);
    conclude(state, first_step);
    evaluate();
    return result_;
  }
  directory_.emplace(request_.directory, checkpoint_      ? RunDirectory::Open::resume
                                         : request_.force ? RunDirectory::Open::replace
                                                          : RunDirectory::Open::create);
  if (!checkpoint_) {
    Recipe config = recipe_;  // as a file for --config: the plan's length follows from the epochs
    config.optimizer.total_steps = request_.recipe.optimizer.total_steps;
    write_file(directory().config(), to_json(config) + "\n");
    write_environment(directory(), request_, result_.engine);
  }

  log_.emplace(directory().metrics(), done_);
  log_interval_ = std::max<std::int64_t>(1, plan_.optimizer.total_steps / 5000);
  if (checkpoint_)
    result_.losses = read_metrics(directory().metrics(), steps_per_epoch_).epoch_losses;
  engine_->set_state(state);
  observer_.started(request_, plan_.network, result_.engine, first_step, last_step);
  result_.seconds_setup = seconds_since(request_.started);

  train_to(last_step);
  if (nonfinite_in_a_row_ > 0)
    throw DivergedError("training diverged: the run ends with " +
                        std::to_string(nonfinite_in_a_row_) +
                        " skipped steps. The last checkpoint is untouched. Try a smaller --lr.");
  save();
  const TrainingState final_state = engine_->state();
  conclude(final_state, first_step);
  result_.signal = done_ < last_step ? signal() : 0;
  if (result_.signal != 0) return result_;

  evaluate();
  write_model(directory(), request_, result_, final_state);
  write_reconstructions(directory(), request_, *engine_);
  write_report(directory(), request_, result_, steps_per_epoch_);
  return result_;
}

}  // namespace

std::shared_ptr<const Checkpoint> checkpoint_to_resume(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error))
    throw ModelError({directory.string(), "a run directory with checkpoint.safetensors",
                      std::filesystem::exists(directory, error) ? "a file" : "no such directory",
                      "Check the path; `hourglass train` makes such a directory."});
  return std::make_shared<const Checkpoint>(load_checkpoint(directory));
}

Recipe recipe_of(const Checkpoint& checkpoint) { return recipe_of_run(checkpoint.config_json); }

TrainResult train(const TrainRequest& request, TrainObserver& observer) {
  return Trainer(request, observer).run();
}

}  // namespace hourglass
