#include <atomic>
#include <filesystem>
#include <string>

#include "hourglass/data.h"
#include "hourglass/error.h"
#include "hourglass/trainer.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace hourglass;
namespace fs = std::filesystem;

namespace {

TrainRequest request(const fs::path& directory) {
  TrainRequest result;
  result.recipe = preset("principal");
  result.recipe.widths = {784, 24, 8, 24, 784};
  result.recipe.batch = 20;
  result.recipe.epochs = 2;
  result.data = load_dataset({"strokes:200", -1, -1});
  result.directory = directory;
  return result;
}

/// Raises a signal flag after a number of steps, as a handler would.
class Interrupter : public TrainObserver {
 public:
  Interrupter(std::atomic<int>& flag, std::int64_t step) : flag_(flag), step_(step) {}
  void progressed(std::int64_t steps_done, double) override {
    if (steps_done >= step_) flag_ = 2;
  }

 private:
  std::atomic<int>& flag_;
  std::int64_t step_;
};

}  // namespace

TEST_CASE("a run leaves its files, and is better than PCA") {
  const test::TemporaryDirectory directory;
  TrainRequest run = request(directory.path() / "run");
  run.recipe.epochs = 20;
  TrainObserver silent;
  const TrainResult result = train(run, silent);
  CHECK(result.steps == 200);
  CHECK(result.losses.size() == 20);
  REQUIRE(result.pca);
  CHECK(result.pca->components == 8);
  CHECK(result.validation.se < result.pca->test.se * 1.5);
  for (const char* name :
       {"model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "config.json",
        "environment.json", "reconstructions.png", "loss.png", "report.md"})
    CHECK(fs::file_size(run.directory / name) > 0);
}

TEST_CASE("stopped and resumed runs end with the same bits") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  const TrainResult whole = train(request(directory.path() / "whole"), silent);
  for (const std::int64_t stop : {1, 7, 10, 13, 19}) {
    for (const bool by_signal : {false, true}) {
      TrainRequest first = request(directory.path() / "parts");
      first.force = true;
      std::atomic<int> flag{0};
      if (by_signal) {
        first.signal = &flag;
        Interrupter interrupter(flag, stop);
        const TrainResult part = train(first, interrupter);
        CHECK(part.signal == (part.steps < whole.steps ? 2 : 0));
      } else {
        first.stop_at_step = stop;
        CHECK(train(first, silent).steps == stop);
      }
      TrainRequest second = request(first.directory);
      second.resume = true;
      const TrainResult rest = train(second, silent);
      CHECK(rest.parameters_hash == whole.parameters_hash);
      CHECK(rest.losses == whole.losses);
      CHECK(rest.steps == whole.steps);
    }
  }
}

TEST_CASE("a directory with a run is not overwritten by accident") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  train(request(directory.path()), silent);
  CHECK_THROWS_AS(train(request(directory.path()), silent), UsageError);
  TrainRequest other = request(directory.path());
  other.resume = true;
  other.data = load_dataset({"strokes:300", -1, -1});
  CHECK_THROWS_AS(train(other, silent), ModelError);
}

TEST_CASE("a run that diverges stops, and its checkpoint stays") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  TrainRequest run = request(directory.path());
  run.stop_at_step = 10;
  train(run, silent);
  const auto before = fs::last_write_time(directory.path() / "checkpoint.safetensors");

  TrainRequest wild = request(directory.path() / "wild");
  wild.recipe.optimizer.learning_rate = 1e30;
  wild.recipe.optimizer.warmup_steps = 0;
  CHECK_THROWS_WITH(train(wild, silent), Catch::Contains("layer") && Catch::Contains("step"));
  CHECK(fs::last_write_time(directory.path() / "checkpoint.safetensors") == before);
}
