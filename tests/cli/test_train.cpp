// Training through the real binary: what it prints, writes and how it goes on.
#include <cmath>
#include <csignal>
#include <limits>
#include <thread>

#include "cli/cli_support.h"

namespace hourglass::test {
namespace {

std::string hash_of(const Words& words) {
  return require_json(join(words, {"--json"}))["parameters_hash"];
}

/// Waits until the run has saved a checkpoint.
void wait_for_checkpoint(const std::string& run) {
  for (int i = 0; i < 2000; ++i) {
    if (std::filesystem::exists(run + "/checkpoint.safetensors")) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  FAIL("no checkpoint after 10 s");
}

}  // namespace

TEST_CASE("cli: train --json is one object with everything in it") {
  const TemporaryFolder folder;
  const auto object = require_json(small_training(folder / "run", {"--json"}));
  for (const char* key :
       {"dataset", "network", "engine", "precision", "threads", "seed", "epochs", "steps", "batch",
        "losses", "seconds", "ms_per_step", "validation", "test", "pca", "dead", "run_directory"}) {
    INFO(key);
    CHECK(object.contains(key));
  }
  for (const char* key : {"name", "train", "validation", "test", "sha256"})
    CHECK(object["dataset"].contains(key));
  for (const char* key : {"setup", "train", "evaluate"}) CHECK(object["seconds"].contains(key));
  for (const char* part : {"validation", "test"})
    for (const char* key : {"mse", "se", "se_clipped"}) CHECK(object[part].contains(key));
  for (const char* key : {"components", "se", "se_clipped"}) CHECK(object["pca"].contains(key));
  for (const char* key : {"code", "outputs"}) CHECK(object["dead"].contains(key));
  CHECK(object["losses"].size() == 2);
  CHECK(object["steps"] == 20);
  CHECK(object["run_directory"] == folder / "run");
  // One division, one product: two roundings.
  const double se = object["test"]["se"];
  CHECK(std::abs(se - 784 * object["test"]["mse"].get<double>()) <=
        2 * std::numeric_limits<double>::epsilon() * se);
}

TEST_CASE("cli: the run directory holds what was promised") {
  for (const char* name :
       {"config.json", "environment.json", "metrics.jsonl", "model.safetensors",
        "checkpoint.safetensors", "reconstructions.png", "loss.png", "report.md"}) {
    INFO(name);
    CHECK(std::filesystem::file_size(trained_run() + "/" + name) > 0);
  }
  CHECK(snapshot(trained_run()).size() == 8);
}

TEST_CASE("cli: the tutorial prints its own lines on stdout and nothing else before them") {
  const TemporaryFolder folder;
  const CommandResult result = hourglass({"train", "--preset", "tutorial", "--data", "strokes:300",
                                          "--epochs", "2", "--out", folder / "run"});
  INFO(result.out);
  REQUIRE(result.exit_code == 0);
  CHECK(result.out.starts_with("epoch 0 loss 0."));
  CHECK_THAT(result.out, Catch::Contains("\nepoch 1 loss 0."));
  CHECK_THAT(result.out, Catch::Contains("dead units"));
  CHECK_THAT(result.out, Catch::Contains("PCA with 196"));
  CHECK_THAT(result.out, Catch::Contains("not real data"));
}

TEST_CASE("cli: without a terminal there is one line an epoch and no control sequence") {
  const TemporaryFolder folder;
  const CommandResult result = hourglass(small_training(folder / "run"));
  CHECK(result.err.find('\x1b') == std::string::npos);
  CHECK(result.err.find('\r') == std::string::npos);
  CHECK(result.out.find('\x1b') == std::string::npos);
  CHECK_THAT(result.err, Catch::Contains("epoch 1/2") && Catch::Contains("epoch 2/2"));
}

TEST_CASE("cli: a run goes on bit for bit from wherever --steps stopped it") {
  const TemporaryFolder folder;
  const std::string whole = hash_of(small_training(folder / "whole"));
  CHECK(hash_of(small_training(folder / "again")) == whole);
  CHECK(hash_of(small_training(folder / "other", {"--seed", "1"})) != whole);
  for (const char* step : {"1", "7", "10", "13", "19"}) {
    const std::string run = folder / (std::string("at") + step);
    CHECK(hash_of(small_training(run, {"--steps", step})) != whole);
    CHECK(hash_of({"train", "--resume", run}) == whole);
    CHECK(read_file(run + "/model.safetensors") == read_file(folder / "whole/model.safetensors"));
  }
}

TEST_CASE("cli: a signal saves and stops, and the run goes on bit for bit") {
  const TemporaryFolder folder;
  // A plan without an end in sight: the signal arrives somewhere in the middle.
  const auto training = [&](const std::string& run, const Words& more = {}) {
    return join({"train", "--data", "strokes:500", "--widths", "784,32,8", "--batch", "50",
                 "--epochs", "100000", "--save-every", "20", "--out", run},
                more);
  };
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const std::string run = folder / ("signal" + std::to_string(signal));
    Process process(hourglass_command(training(run)));
    wait_for_checkpoint(run);
    process.send(signal);
    const CommandResult result = process.wait();
    INFO(result.err);
    CHECK(result.exit_code == code);
    CHECK_THAT(result.err, Catch::Contains("--resume " + run));
    CHECK_FALSE(std::filesystem::exists(run + "/model.safetensors"));
    const int step = require_json({"info", run, "--json"})["files"][0]["step"];
    const Words stop{"--steps", std::to_string(step + 30)};
    const std::string whole = hash_of(training(folder / ("whole" + std::to_string(signal)), stop));
    CHECK(hash_of(join({"train", "--resume", run}, stop)) == whole);
  }
}

TEST_CASE("cli: a second signal ends the run at once") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  // One step takes seconds: 20,000 images by the plain loops of the oracle.
  Process process(
      hourglass_command({"train", "--data", "strokes:500", "--widths", "784,64,8", "--batch",
                         "20000", "--epochs", "1", "--device", "reference", "--out", run}));
  for (int i = 0; i < 2000 && process.err_so_far().find("\nrun ") == std::string::npos; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  process.send(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  process.send(SIGTERM);
  const CommandResult result = process.wait();
  INFO(result.err);
  CHECK(result.exit_code == 143);
  CHECK_THAT(result.err, !Catch::Contains("stopped after step"));
  CHECK_FALSE(std::filesystem::exists(run + "/checkpoint.safetensors"));
}

TEST_CASE("cli: runs killed while they save leave readable checkpoints") {
  const char* asked = std::getenv("HOURGLASS_KILLS");
  const int kills = asked == nullptr ? 20 : std::atoi(asked);
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  std::int64_t last_step = -1;
  for (int i = 0; i < kills; ++i) {
    Process process(hourglass_command({"train", "--data", "strokes:200", "--widths", "784,64,16",
                                       "--batch", "20", "--epochs", "10000", "--save-every", "1",
                                       "--out", run, "--force"}));
    wait_for_checkpoint(run);
    // Spread the moments of death over several saves (1 to 2 ms each).
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + 733 * (i % 20)));
    process.send(SIGKILL);
    CHECK(process.wait().exit_code == 137);
    const auto info = require_json({"info", run + "/checkpoint.safetensors", "--json"});
    last_step = info["files"][0]["step"];
    CHECK(last_step > 0);
  }
  const auto resumed =
      require_json({"train", "--resume", run, "--steps", std::to_string(last_step + 2), "--json"});
  CHECK(resumed["steps"] == last_step + 2);
  for (const auto& [name, bytes] : snapshot(run)) CHECK(name.find(".tmp-") == std::string::npos);
}

TEST_CASE("cli: training that diverges stops and leaves the last good checkpoint") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  const CommandResult result =
      hourglass(small_training(run, {"--lr", "1e30", "--schedule", "constant", "--warmup", "0"}));
  INFO(result.err);
  CHECK(result.exit_code == 6);
  CHECK_THAT(result.err,
             Catch::Contains("step") && Catch::Contains("layer") && Catch::Contains("--lr"));
  CHECK_FALSE(std::filesystem::exists(run + "/model.safetensors"));
}

TEST_CASE("cli: every engine trains, and --check compares it with the oracle") {
  const TemporaryFolder folder;
  const Words tiny{"train",   "--data", "strokes:60", "--widths", "784,8,2",
                   "--batch", "10",     "--epochs",   "1",        "--json"};
  const auto cpu = require_json(join(tiny, {"--out", folder / "cpu"}));
  const auto reference =
      require_json(join(tiny, {"--out", folder / "reference", "--device", "reference"}));
  const auto bf16 = require_json(join(tiny, {"--out", folder / "bf16", "--precision", "bf16"}));
  // Each is as close to double precision as its numbers are long.
  const double exact = reference["test"]["se"];
  const auto off = [&](const nlohmann::json& run) {
    return std::abs(run["test"]["se"].get<double>() - exact);
  };
  CHECK(off(cpu) < off(bf16));
  CHECK(bf16["precision"] == "bf16");
  CHECK(hourglass(join(tiny, {"--out", folder / "check", "--check"})).exit_code == 0);
}

}  // namespace hourglass::test
