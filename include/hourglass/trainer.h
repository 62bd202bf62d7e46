// Training from start to finish: data and recipe in, a run directory and a result out.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hourglass/checkpoint.h"
#include "hourglass/images.h"
#include "hourglass/make_engine.h"
#include "hourglass/quality.h"
#include "hourglass/recipe.h"

namespace hourglass {

struct TrainRequest {
  Recipe recipe;
  DataSet data;
  EngineRequest engine;
  std::filesystem::path directory;  // of the run
  bool force = false;               // replace an existing run
  /// The directory's checkpoint, to go on from; none: a new run.
  std::shared_ptr<const Checkpoint> checkpoint;
  std::int64_t stop_at_step = 0;  // end the run there; 0: at the plan's last step
  std::int64_t save_every = 0;    // steps between two checkpoints; 0: an epoch
  std::int64_t pictures = 10;     // test images in reconstructions.png
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  /// Set by a signal handler: the run ends after the step in progress, with a checkpoint.
  const std::atomic<int>* signal = nullptr;
};

struct EpochReport {
  std::int64_t epoch = 0;       // from 0
  std::int64_t steps_done = 0;  // of the run
  double loss = 0;              // of the epoch's last batch, after its update
  double mean_loss =
      0;  // of the epoch's batches, each before its update, since the start or resume
  Quality validation;
};

struct TrainResult {
  Recipe recipe;  // as it was run: a resumed run has its checkpoint's
  NetworkSpec network;
  EngineInfo engine;
  std::int64_t steps = 0;      // done, over all resumed parts
  std::int64_t steps_now = 0;  // of these, in this part
  std::int64_t skipped_steps = 0;
  std::vector<double> losses;  // EpochReport::loss of every epoch finished
  double seconds_setup = 0;
  double seconds_train = 0;  // steps alone, this part of the run
  double seconds_evaluate = 0;
  double ms_per_step = 0;  // of this part
  Quality validation;
  Quality test;
  std::optional<PcaQuality> pca;  // none when the input is too wide for it
  DeadUnits dead;
  std::uint64_t parameters_hash = 0;  // FNV-1a over the bits of the parameters and moments
  int signal = 0;                     // not 0: ended early by this signal; then no evaluation
};

/// What a run tells while it is under way. Calls come from the thread that trains.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void started(const TrainRequest&, const NetworkSpec&, const EngineInfo&,
                       std::int64_t /*first_step*/, std::int64_t /*last_step*/) {}
  virtual void progressed(std::int64_t /*steps_done*/, double /*loss*/) {}
  virtual void epoch_finished(const EpochReport&) {}
  virtual void note(const std::string&) {}
};

/// Steps in a row with NaN or Inf after which a run gives up.
inline constexpr int max_nonfinite_steps = 5;

/// Trains and writes the run directory. A run to go on with that has all its steps and its files is
/// only judged again: `steps_now` is then 0, and nothing is written. Throws UsageError (recipe,
/// directory exists), DataError, ModelError (checkpoint of another network), DeviceError, IoError,
/// and DivergedError after `max_nonfinite_steps` such steps in a row, the last checkpoint being
/// left as it was.
TrainResult train(const TrainRequest& request, TrainObserver& observer);

/// The checkpoint of the run in `directory`, for TrainRequest. Throws ModelError.
[[nodiscard]] std::shared_ptr<const Checkpoint> checkpoint_to_resume(
    const std::filesystem::path& directory);
/// The recipe of its run. Throws ModelError.
[[nodiscard]] Recipe recipe_of(const Checkpoint& checkpoint);

/// The result as the one JSON object that `train --json` prints.
[[nodiscard]] std::string to_json(const TrainResult& result, const TrainRequest& request);
/// The result as a table for people (and report.md).
[[nodiscard]] std::string result_table(const TrainResult& result, const TrainRequest& request);

}  // namespace hourglass
