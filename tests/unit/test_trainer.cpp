#include <atomic>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hourglass/checkpoint.h"
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
  CHECK(result.test.se < result.pca->test.se);
  for (const char* name :
       {"model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "config.json",
        "environment.json", "reconstructions.png", "loss.png", "report.md"})
    CHECK(fs::file_size(run.directory / name) > 0);
}

TEST_CASE("principal components of bytes are the same bits on every device") {
  const Images images = load_dataset({"strokes:200", -1, -1}).train;
  const PrincipalComponents expected = principal_components(images, 8, 1);
  const auto agrees = [&](const EngineRequest& request) {
    const PrincipalComponents found = principal_components(images, 8, request);
    return found.mean == expected.mean && found.directions == expected.directions &&
           found.variances == expected.variances;
  };
  EngineRequest request;
  const bool has_gpu = resolve(request).request.is_cuda();
  request.device = "cpu";
  CHECK(agrees(request));
  request.device = "cuda";
  if (has_gpu)
    CHECK(agrees(request));
  else
    CHECK_THROWS_AS(agrees(request), DeviceError);
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
      second.checkpoint = checkpoint_to_resume(second.directory);
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
  other.checkpoint = checkpoint_to_resume(other.directory);
  other.data = load_dataset({"strokes:300", -1, -1});
  CHECK_THROWS_AS(train(other, silent), ModelError);
}

TEST_CASE("a run goes on only with its own data") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  TrainRequest run = request(directory.path());
  run.stop_at_step = 3;
  train(run, silent);
  TrainRequest other = request(directory.path());
  other.checkpoint = checkpoint_to_resume(other.directory);
  auto inverted = std::make_shared<std::vector<std::byte>>();
  const Images& train_images = other.data.train;
  for (std::int64_t i = 0; i < train_images.count * train_images.row_bytes(); ++i)
    inverted->push_back(~train_images.pixels[i]);
  other.data.train.owner = inverted;
  other.data.train.pixels = inverted->data();
  CHECK_THROWS_AS(train(other, silent), ModelError);
}

TEST_CASE("bf16 runs go on in bf16") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  TrainRequest run = request(directory.path() / "whole");
  run.engine.precision = Precision::bf16;
  const TrainResult whole = train(run, silent);
  run.directory = directory.path() / "parts";
  run.stop_at_step = 7;
  train(run, silent);
  TrainRequest rest = request(run.directory);
  rest.checkpoint = checkpoint_to_resume(rest.directory);
  const TrainResult resumed = train(rest, silent);
  CHECK(resumed.engine.precision == "bf16");
  CHECK(resumed.parameters_hash == whole.parameters_hash);
}

TEST_CASE("steps beyond the plan are refused before anything is written") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  TrainRequest run = request(directory.path() / "run");
  run.stop_at_step = 21;  // the plan has 20
  CHECK_THROWS_AS(train(run, silent), UsageError);
  CHECK_FALSE(fs::exists(run.directory));
}

TEST_CASE("a run that diverges stops, and the last good checkpoint stays") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  TrainRequest run = request(directory.path());
  run.stop_at_step = 10;
  train(run, silent);
  const Checkpoint good = load_checkpoint(directory.path());

  // The same run, but its checkpoint holds a bias that overflows: every further step is skipped.
  Checkpoint broken = good;
  const LayerSlot first_layer = parameter_layout(good.network).front();
  broken.state.parameters[static_cast<std::size_t>(first_layer.bias)] = 1e38F;
  save_checkpoint(directory.path() / "checkpoint.safetensors", broken);
  TrainRequest rest = request(directory.path());
  rest.checkpoint = checkpoint_to_resume(rest.directory);
  rest.save_every = 1;
  CHECK_THROWS_WITH(train(rest, silent), Catch::Contains("layer") && Catch::Contains("step"));
  CHECK(load_checkpoint(directory.path()).state.step == 10);

  // A run that ends inside such a streak is no success either.
  rest.stop_at_step = 12;
  CHECK_THROWS_AS(train(rest, silent), DivergedError);
  CHECK(load_checkpoint(directory.path()).state.step == 10);
}
