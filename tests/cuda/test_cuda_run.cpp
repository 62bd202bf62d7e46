// Whole runs on the emulated device, files included: what is left when the device fails.
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "cuda_support.h"
#include "hourglass/error.h"
#include "hourglass/trainer.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace hourglass;
namespace fs = std::filesystem;

namespace {

Images images(std::int64_t count) {
  return test::EngineProblem({12, 4, 12}, Activation::relu, 1, PixelType::u8, count).plan.train;
}

TrainRequest small_run(const fs::path& directory) {
  TrainRequest request;
  request.recipe = preset("principal");
  request.recipe.widths = {12, 8, 4, 8, 12};
  request.recipe.batch = 8;
  request.recipe.epochs = 2;
  request.data.name = "a test's images";
  request.data.train = images(24);
  request.data.validation = request.data.test = images(5);
  request.engine.device = "cuda";
  request.engine.threads = 1;
  request.directory = directory;
  request.save_every = 2;
  return request;
}

TrainResult resume(const fs::path& directory) {
  TrainRequest request = small_run(directory);
  request.checkpoint = checkpoint_to_resume(directory);
  TrainObserver silent;
  return train(request, silent);
}

}  // namespace

TEST_CASE("a run whose device fails goes on from its last checkpoint bit for bit") {
  const test::TemporaryDirectory directory;
  TrainObserver silent;
  emulator::reset();
  const auto expected = train(small_run(directory.path() / "whole"), silent).parameters_hash;
  TrainRequest first = small_run(directory.path() / "first");
  first.stop_at_step = 1;
  train(first, silent);
  const fs::path run = directory.path() / "run";
  const auto start = [&] {
    fs::remove_all(run);
    fs::copy(first.directory, run);
    emulator::reset();
  };
  start();
  CHECK(resume(run).parameters_hash == expected);
  const std::size_t calls = emulator::call_names().size();
  std::size_t tried = 0;
  std::size_t failed = 0;
  // Every fifth call: test_cuda has each of them fail, without files.
  for (std::size_t n = 1; n <= calls; n += 5, ++tried) {
    const bool memory = n % 2 == 0;
    start();
    emulator::fail_call(n, memory ? cudaErrorMemoryAllocation : cudaErrorIllegalAddress);
    INFO("call " << n << " of " << calls);
    try {
      static_cast<void>(resume(run));
    } catch (const Error& error) {
      ++failed;
      const bool no_device = error.code() == ExitCode::device;
      CHECK((no_device || (!memory && error.code() == ExitCode::internal)));
    }
    REQUIRE(emulator::live_objects().total() == 0);
    emulator::reset();
    CHECK(resume(run).parameters_hash == expected);
  }
  CHECK(failed > tried / 2);
}
