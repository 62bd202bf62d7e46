// Flags, help, devices and places that cannot be written.
#include <unistd.h>

#include <sstream>

#include "cli/cli_support.h"
#include "support/skip.h"

namespace hourglass::test {
namespace {

const std::vector<Words> verbs{{"data", "fetch"},  {"data", "info"}, {"data", "check"},
                               {"data", "export"}, {"train"},        {"eval"},
                               {"encode"},         {"decode"},       {"reconstruct"},
                               {"info"},           {"doctor"},       {"bench"}};

/// `train` with these flags fails, and makes no run directory.
void require_bad_training(const Words& flags, int exit_code, const Words& parts) {
  const TemporaryFolder folder;
  require_failure(join({"train", "--data", "strokes:200", "--out", folder / "run"}, flags),
                  exit_code, parts);
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
}

}  // namespace

TEST_CASE("cli: networks that are none") {
  require_bad_training({"--widths", "784,0,784"}, 2, {"--widths", "784,0,784", "for example"});
  require_bad_training({"--widths", "784,-4,784"}, 2, {"--widths", "for example"});
  require_bad_training({"--widths", "784,784"}, 2, {"--widths", "two layers", "784,196"});
  require_bad_training({"--widths", "784"}, 2, {"--widths", "two layers", "784,196"});
  require_bad_training({"--widths", "784,many"}, 2, {"--widths", "784,many", "for example"});
  require_bad_training({"--widths", "100,16,4"}, 2, {"100", "784"});
  require_bad_training({"--hidden", "sigmoid"}, 2, {"principal"});
  require_bad_training({"--widths", "784,16,12"}, 2, {"principal", "twice"});
}

TEST_CASE("cli: numbers that make no sense") {
  require_bad_training({"--batch", "0"}, 2, {"--batch", "found 0", "Try 150"});
  require_bad_training({"--batch", "many"}, 2, {"--batch", "many"});
  require_bad_training({"--lr", "-1"}, 2, {"--lr", "learning rate", "found -1", "Try"});
  require_bad_training({"--lr", "-1e-30"}, 2, {"found -1e-30"});
  require_bad_training({"--lr", "nan"}, 2, {"--lr", "learning rate"});
  require_bad_training({"--epochs", "0"}, 2, {"--epochs", "found 0", "Try"});
  require_bad_training({"--threads", "-1"}, 2, {"--threads"});
  require_bad_training({"--steps", "-1"}, 2, {"--steps"});
  require_bad_training({"--beta1", "1.5"}, 2, {"--beta1", "1.5", "Try"});
  require_bad_training({"--beta2", "-1"}, 2, {"--beta2", "Try"});
  require_bad_training({"--epsilon", "0"}, 2, {"--epsilon", "Try"});
  require_bad_training({"--warmup", "-1"}, 2, {"--warmup", "0 is"});
  require_bad_training({"--limit", "0"}, 2, {"--limit"});
}

TEST_CASE("cli: unknown names are answered with the nearest") {
  require_bad_training({"--preset", "tutorail"}, 2, {"tutorail", "Did you mean 'tutorial'"});
  require_bad_training({"--batchs", "5"}, 2, {"--batchs", "Did you mean '--batch'"});
  require_bad_training({"--hidden", "rleu"}, 2, {"Did you mean 'relu'"});
  require_bad_training({"--precision", "fp23"}, 2, {"Did you mean 'fp32'"});
  require_bad_training({"--device", "cdu"}, 2, {"cdu"});
  require_failure({"trian"}, 2, {"Did you mean 'train'"});
  require_failure({"data", "chekc", "mnist"}, 2, {"Did you mean 'check'", "hourglass data --help"});
  require_failure({"data", "fetch", "mnits"}, 2, {"Did you mean 'mnist'"});
  require_failure({"eval", trained_run(), "--part", "tset"}, 2, {"Did you mean 'test'"});
}

TEST_CASE("cli: a JSON recipe that is wrong") {
  const TemporaryFolder folder;
  const std::string path = write_file(folder / "recipe.json", R"({"bacth": 5})");
  require_bad_training({"--config", path}, 2, {"bacth", "batch"});
  write_file(path, R"({"batch": )");
  require_bad_training({"--config", path}, 2, {"JSON"});
  require_bad_training({"--config", folder / "nothing"}, 2, {"nothing"});
}

TEST_CASE("cli: a recipe names its own preset, and none goes beside it") {
  const TemporaryFolder folder;
  const std::string path = write_file(folder / "recipe.json", R"({"preset": "tutorial"})");
  require_bad_training({"--config", path, "--preset", "principal"}, 2,
                       {"--config " + path, "--preset principal", "Leave one"});
  const Words training{"train",    "--data",  "strokes:60", "--widths",    "784,8,2", "--epochs",
                       "1",        "--steps", "1",          "--batch",     "10",      "--json",
                       "--config", path,      "--out",      folder / "run"};
  const auto result = require_json(training);
  CHECK(result["preset"] == "tutorial");
  CHECK_THAT(result["network"].get<std::string>(), Catch::Contains("relu,relu,relu,relu"));
}

TEST_CASE("cli: the reference engine refuses what it has not") {
  require_bad_training({"--device", "reference", "--precision", "bf16"}, 2,
                       {"--device reference", "--precision bf16", "--device cpu"});
  require_bad_training({"--device", "reference", "--threads", "2"}, 2,
                       {"--device reference", "--threads 2", "--device cpu"});
  require_failure({"eval", trained_run(), "--device", "reference", "--precision", "bf16"}, 2,
                  {"--device reference"});
  // A run in bf16 goes on in bf16, which the reference engine has not either.
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  REQUIRE(hourglass(small_training(run, {"--precision", "bf16", "--steps", "1"})).exit_code == 0);
  require_failure({"train", "--resume", run, "--device", "reference"}, 2, {"--device reference"});
}

TEST_CASE("cli: bench has no flag without effect") {
  require_failure({"bench", "--precision", "bf16"}, 2, {"unknown flag '--precision'"});
  require_failure({"bench", "--device", "cud"}, 2, {"Did you mean 'cuda'"});
  require_failure({"bench", "--device", "reference"}, 2, {"--device reference", "cuda:INDEX"});
  require_failure({"bench", "--cold"}, 2, {"--cold", "--device cpu"});
  require_failure({"bench", "--batch", "150,512"}, 2, {"--batch", "--device cpu"});
  require_failure({"bench", "--only", "steps"}, 2, {"'steps'"});
  require_failure({"bench", "--device", "cuda", "--only", "step"}, 2, {"Did you mean 'steps'"});
  require_failure({"bench", "--device", "cuda", "--threads", "2"}, 2, {"--threads"});
  require_failure({"bench", "--device", "cuda", "--export", "x"}, 2, {"--export"});
  const auto result = require_json({"bench", "--threads", "1", "--rounds", "1", "--batch", "20",
                                    "--only", "products", "--data", "strokes:20", "--json"});
  CHECK(result["threads"] == 1);
  CHECK(result["results"].size() == 2);
}

TEST_CASE("cli: a GPU that is not there") {
  if (access("/dev/nvidiactl", F_OK) == 0) return skip("this machine has an NVIDIA GPU");
  require_bad_training({"--device", "cuda"}, 5, {"--device cuda", "--device cpu"});
  require_bad_training({"--device", "cuda:3"}, 5, {"--device cuda:3", "--device cpu"});
  require_failure({"eval", trained_run(), "--data", "strokes:100", "--device", "cuda"}, 5,
                  {"cuda"});
  require_failure({"bench", "--device", "cuda"}, 5, {"--device cuda", "--device cpu"});
}

TEST_CASE("cli: places that cannot be written") {
  const TemporaryFolder folder;
  const std::string file = write_file(folder / "file", "mine");
  require_failure(small_training(file + "/run"), 1, {file + "/run", "--out"});
  require_failure(small_training(file), 2, {file, "a file"});
  require_failure(small_training("/proc/run"), 1, {"/proc/run"});
  CHECK(read_file(file) == "mine");
  const std::string run = trained_run();
  require_failure({"encode", run, "--data", "strokes:100", "-o", file + "/codes.npy"}, 1, {file});
  require_failure({"reconstruct", run, "strokes:100", "-o", file + "/grid.png"}, 1, {file});
  require_failure({"data", "export", "strokes:100", file}, 1, {file});
  require_failure({"encode", run, "--data", "strokes:100", "-o", "codes.txt"}, 2, {".npy"});
}

TEST_CASE("cli: a disk that fills up leaves what was there") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  REQUIRE(hourglass(small_training(run, {"--steps", "5"})).exit_code == 0);
  const std::string checkpoint = read_file(run + "/checkpoint.safetensors");
  // A limit on file sizes stands in for the full disk: checkpoints take 330 KB, the limit is 64 KB.
  const Words limited{"bash", "-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "bash"};
  const CommandResult result =
      run_command(join(limited, hourglass_command({"train", "--resume", run})));
  INFO(result.err);
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err, Catch::Contains("checkpoint.safetensors"));
  CHECK(read_file(run + "/checkpoint.safetensors") == checkpoint);
  const Words encode{"encode", run,     "--data", "strokes:30000",
                     "--part", "train", "-o",     folder / "codes.npy"};
  CHECK(run_command(join(limited, hourglass_command(encode))).exit_code == 1);
  CHECK_FALSE(std::filesystem::exists(folder / "codes.npy"));
  for (const auto& [name, bytes] : snapshot(folder / "."))
    CHECK_THAT(name, !Catch::Contains(".tmp-"));
}

TEST_CASE("cli: nothing is overwritten, and failures change nothing") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  REQUIRE(hourglass(small_training(run)).exit_code == 0);
  const auto before = snapshot(run);
  require_failure(small_training(run), 2, {run, "--force", "--resume"});
  require_failure(small_training(run, {"--force", "--batch", "0"}), 2, {"batch"});
  require_failure(small_training(run, {"--force", "--data", "/nothing"}), 2, {"--data"});
  require_failure({"train", "--data", "/nothing", "--out", run, "--force"}, 3, {"/nothing"});
  require_failure({"train", "--data", "strokes:100", "--widths", "9,4,2", "--out", run, "--force"},
                  2, {"9", "784"});
  require_failure({"train", "--resume", run, "--batch", "10"}, 2, {"--batch"});
  require_failure({"train", "--resume", run, "--data", "strokes:300"}, 4, {"500", "300", "--data"});
  if (access("/dev/nvidiactl", F_OK) != 0)
    require_failure(small_training(run, {"--force", "--device", "cuda"}), 5, {"cuda"});
  CHECK(snapshot(run) == before);
  REQUIRE(hourglass(small_training(run, {"--force", "--seed", "1"})).exit_code == 0);
  CHECK(snapshot(run) != before);
}

TEST_CASE("cli: help shows every flag with its default") {
  for (const Words& verb : verbs) {
    const CommandResult result = hourglass(join(verb, {"--help"}));
    INFO(result.out);
    CHECK(result.exit_code == 0);
    std::string name = "Usage: hourglass";
    for (const std::string& word : verb) name += " " + word;
    CHECK_THAT(result.out, Catch::Contains(name));
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("  -") || line.starts_with("  -h,")) continue;
      INFO(line);
      // An option names its type, and then its default or that it is required; a flag has neither.
      const bool takes_value =
          line.find(" TEXT") != std::string::npos || line.find(" INT") != std::string::npos ||
          line.find(" UINT") != std::string::npos || line.find(" FLOAT") != std::string::npos;
      if (takes_value)
        CHECK((line.find('=') != std::string::npos || line.find("REQUIRED") != std::string::npos));
    }
  }
  CHECK_THAT(hourglass({"--help"}).out, Catch::Contains("Exit codes"));
}

TEST_CASE("cli: doctor always answers") {
  CHECK_THAT(hourglass({"doctor"}).out, Catch::Contains("what to do"));
  const auto report = require_json({"doctor", "--json"});
  for (const char* key : {"processor", "libraries", "gpu", "data", "disk", "advice"})
    CHECK(report.contains(key));
  const TemporaryFolder folder;
  const CommandResult result = hourglass({"doctor"}, {"HOURGLASS_DATA_DIR=" + (folder / "empty")});
  CHECK(result.exit_code == 0);
  CHECK_THAT(result.out, Catch::Contains("hourglass data fetch mnist"));
  // No home, no cache and no temporary directory: nothing of that may end it.
  CHECK(hourglass({"doctor"}, {"HOURGLASS_DATA_DIR=", "XDG_CACHE_HOME=", "HOME=",
                               "TMPDIR=" + (folder / "none")})
            .exit_code == 0);
}

}  // namespace hourglass::test
