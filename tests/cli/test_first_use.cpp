// What a new user types wrong, and what the command answers.
#include <map>

#include "cli/cli_support.h"

namespace hourglass::test {

TEST_CASE("cli: widths that are neither a whole network nor an encoder's are refused") {
  const TemporaryFolder folder;
  const auto training = [&](const std::string& widths) {
    return Words{"train", "--data",  "strokes:60", "--widths", widths,        "--epochs",
                 "1",     "--batch", "10",         "--out",    folder / "run"};
  };
  // Both readings: what a whole network would end in, and what an encoder's would become.
  require_failure(training("784,392,196,392,100"), 2,
                  {"--widths", "'784,392,196,392,100'", "end in 784, not in 100",
                   "784-392-196-392-100-392-196-392-784"});
  require_failure(training("784,32,32"), 2, {"--widths", "784-32-32-32-784"});
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
  const std::string recipe = write_file(folder / "recipe.json", R"({"widths": [784, 16, 8, 9]})");
  require_failure({"train", "--config", recipe, "--out", folder / "run"}, 2,
                  {"widths", "784-16-8-9-8-16-784"});

  const CommandResult mirrored = hourglass(training("784,16,4"));
  CHECK(mirrored.exit_code == 0);
  CHECK_THAT(mirrored.err, Catch::Contains("784,16,4") && Catch::Contains("784-16-4-16-784\n"));
  std::filesystem::remove_all(folder / "run");
  const CommandResult whole = hourglass(training("784,16,4,20,784"));
  CHECK(whole.exit_code == 0);
  CHECK_THAT(whole.err, !Catch::Contains("mirrored"));
}

TEST_CASE("cli: the table compares a network with PCA in figures that differ") {
  const TemporaryFolder folder;
  // Without a rate worth the name the network stays what it starts as: PCA.
  const CommandResult same =
      hourglass(small_training(folder / "same", {"--lr", "1e-12", "--steps", "1"}));
  REQUIRE(same.exit_code == 0);
  CHECK_THAT(same.out, Catch::Contains("as much error as PCA"));
  CHECK_THAT(same.out, !Catch::Contains("times") && !Catch::Contains("less error"));

  const CommandResult better =
      hourglass({"train", "--data", "strokes:500", "--widths", "784,16,4", "--batch", "50",
                 "--epochs", "20", "--out", folder / "better"});
  REQUIRE(better.exit_code == 0);
  CHECK_THAT(better.out, Catch::Contains("% less error than PCA"));
  CHECK_THAT(better.out, !Catch::Contains(" 0 % less"));

  const CommandResult worse =
      hourglass(small_training(folder / "worse", {"--init", "variance_scaling", "--steps", "1"}));
  REQUIRE(worse.exit_code == 0);
  CHECK_THAT(worse.out, Catch::Contains("PCA of its size"));
  CHECK_THAT(worse.out, !Catch::Contains("1.0 times") && !Catch::Contains(" 0 % less"));
}

TEST_CASE("cli: images that PCA holds whole are not compared by a quotient of roundings") {
  const TemporaryFolder folder;
  std::string pixels;  // every image a multiple of one picture: one component holds all
  for (int image = 0; image < 30; ++image)
    for (int pixel = 0; pixel < 36; ++pixel) pixels += static_cast<char>(image * (pixel % 4));
  const std::string images = write_file(folder / "images", idx_bytes(0x08, {30, 6, 6}, pixels));
  const CommandResult result = hourglass(
      {"train", "--data", images, "--widths", "36,8,2", "--epochs", "1", "--out", folder / "run"});
  INFO(result.err << result.out);
  REQUIRE(result.exit_code == 0);
  CHECK_THAT(result.out, Catch::Contains("nothing that PCA of this size would miss"));
}

TEST_CASE("cli: names of data sets and files do not mix") {
  const TemporaryFolder folder;
  const std::string images = write_file(folder / "images", u8_images(40, 28));
  for (const std::string& mixed : {std::string("mnist,foo"), "strokes:60," + images,
                                   images + ",mnist", std::string("mnist,strokes")}) {
    require_failure({"train", "--data", mixed, "--out", folder / "run"}, 2,
                    {mixed, "Names and files do not mix"});
    require_failure({"data", "check", mixed}, 2, {mixed, "Names and files do not mix"});
    require_failure({"reconstruct", trained_run(), mixed, "--show"}, 2, {mixed});
  }
  CHECK_FALSE(std::filesystem::exists(folder / "run"));
  CHECK(hourglass({"data", "check", images + "," + images}).exit_code == 0);
}

TEST_CASE("cli: files that are not there: which, what was expected, what to do") {
  const TemporaryFolder folder;
  const std::string run = trained_run();
  const std::string none = folder / "none";
  const auto require_plain = [](const Words& words, int exit_code, const Words& parts) {
    require_failure(words, exit_code, join({"expected", "found no such file"}, parts));
    CHECK_THAT(hourglass(words).err, !Catch::Contains("errno"));
  };
  for (const Words& words : {Words{"info", none},
                             {"eval", none, "--data", "strokes:60"},
                             {"encode", none, "--data", "strokes:60", "-o", folder / "a.npy"},
                             {"decode", none, folder / "codes.npy", "-o", folder / "a.npy"},
                             {"reconstruct", none, "strokes:60", "--show"}})
    require_plain(words, 4, {none, "a .safetensors file", "Check the path", "run directory"});
  require_failure({"train", "--resume", none}, 4,
                  {none, "checkpoint", "no such directory", "hourglass train"});
  require_plain({"eval", folder / "."}, 4, {folder / ".", "a run directory", "model.safetensors"});

  const std::string codes = folder / "codes.npy";
  require_plain({"decode", run, codes, "-o", folder / "a.npy"}, 3,
                {codes, "a .npy file", "hourglass encode"});
  require_plain({"encode", run, "--input", codes, "-o", folder / "a.npy"}, 3,
                {codes, "a .npy file"});
  require_plain({"reconstruct", run, folder / "digit.png", "--show"}, 3,
                {folder / "digit.png", "a PNG file", "Check the path"});
  require_plain({"eval", run, "--data", folder / "images"}, 3,
                {folder / "images", "Check the path"});
}

TEST_CASE("cli: a run that stopped early is no model yet, and says how to finish it") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  REQUIRE(hourglass(small_training(run, {"--steps", "3"})).exit_code == 0);
  std::filesystem::remove(run + "/model.safetensors");  // as a signal leaves it
  require_failure({"eval", run, "--data", "strokes:60"}, 4,
                  {run, "stopped before its end", "hourglass train --resume " + run});
}

TEST_CASE("cli: a value that is no number: which flag, what was expected, what was found") {
  const TemporaryFolder folder;
  const auto require_refused = [&](const Words& flags, const Words& parts) {
    require_failure(join({"train", "--data", "strokes:60", "--out", folder / "run"}, flags), 2,
                    join({"hourglass train --help"}, parts));
  };
  require_refused({"--lr", "abc"}, {"--lr: expected a number, found 'abc'."});
  require_refused({"--lr", "1e-3x"}, {"--lr: expected a number, found '1e-3x'."});
  require_refused({"--batch", "1.5"}, {"--batch: expected a whole number, found '1.5'."});
  require_refused({"--seed", "-1"}, {"--seed: expected a whole number of at least 0, found '-1'."});
  require_refused({"--steps", "-1"},
                  {"--steps: expected a whole number of at least 0, found '-1'"});
  require_refused({"--threads", "many"}, {"--threads: expected a whole number from 0 to 1024"});
  require_refused({"--pictures", "0"}, {"--pictures: expected a whole number from 1 to 10000"});
  require_refused({"--lr"}, {"--lr: expected one value, found none."});
  require_refused({"--lr", "1", "--lr", "2"}, {"--lr: expected one value, found 2."});
  require_failure({"encode"}, 2,
                  {"MODEL: expected model.safetensors or a run directory", "found nothing",
                   "hourglass encode --help"});
  require_failure({"encode", "m"}, 2, {"--out: expected the .npy file to write, found nothing"});
  require_failure({"encode", "m", "--input", "a", "--data", "b", "-o", "c.npy"}, 2,
                  {"--input", "--data", "Leave one of the two out"});
  for (const Words& words : {Words{"bench", "--rounds", "0"}, {"decode", "m", "c", "--count", "x"}})
    require_failure(words, 2, {words[words.size() - 2] + ": expected a whole number"});
}

TEST_CASE("cli: without a verb, or with one like no other, the verbs are listed") {
  const auto lines_of = [](const Words& words, const std::string& message) {
    const CommandResult result = hourglass(words);
    INFO(result.err);
    CHECK(result.exit_code == 2);
    CHECK(result.out.empty());
    CHECK(result.err.starts_with("error: " + message));
    return result.err;
  };
  for (const std::string& list : {lines_of({}, "hourglass: expected a verb, found none."),
                                  lines_of({"help"}, "unknown verb 'help'.")})
    for (const char* verb :
         {"data", "train", "eval", "encode", "decode", "reconstruct", "info", "doctor", "bench"})
      CHECK_THAT(list, Catch::Contains("\n  hourglass " + std::string(verb) + " "));
  CHECK_THAT(lines_of({"data"}, "hourglass data: expected a verb, found none."),
             Catch::Contains("\n  hourglass data export "));
  require_failure({"trian"}, 2, {"unknown verb 'trian'. Did you mean 'train'?"});
  require_failure({"evaluate"}, 2, {"Did you mean 'eval'?"});
  require_failure({"info", "a", "b"}, 2, {"unexpected word 'b'"});
}

TEST_CASE("cli: -o and --out are the same wherever files are written") {
  const TemporaryFolder folder;
  const std::string run = trained_run();
  for (const std::string& flag : {std::string("-o"), std::string("--out")}) {
    const auto written = [&](const Words& words, const std::string& name) {
      const std::string path = folder / (name + flag);
      const std::string ending = name.ends_with("npy") ? ".npy" : "";
      const CommandResult result = hourglass(join(words, {flag, path + ending}));
      INFO(result.err);
      CHECK(result.exit_code == 0);
      CHECK(std::filesystem::exists(path + ending));
      return path + ending;
    };
    const std::string codes = written({"encode", run, "--data", "strokes:60"}, "codes.npy");
    written({"decode", run, codes}, "decoded.npy");
    written({"reconstruct", run, "strokes:60"}, "reconstructed.npy");
    written({"data", "export", "strokes:60"}, "exported");
    written(
        {"train", "--data", "strokes:60", "--widths", "784,8,2", "--batch", "10", "--epochs", "1"},
        "run");
  }
  for (const Words& verb : {Words{"train"},
                            {"encode"},
                            {"decode"},
                            {"reconstruct"},
                            {"data", "export"},
                            {"data", "fetch"}})
    CHECK_THAT(hourglass(join(verb, {"--help"})).out, Catch::Contains("-o,--out"));
}

TEST_CASE("cli: to resume a finished run prints its result again and writes nothing") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  const auto first = require_json(small_training(run, {"--json"}));
  const auto before = snapshot(run);
  std::map<std::string, std::filesystem::file_time_type> times;
  for (const auto& [path, bytes] : before) times[path] = std::filesystem::last_write_time(path);

  const CommandResult again = hourglass({"train", "--resume", run});
  INFO(again.err << again.out);
  CHECK(again.exit_code == 0);
  CHECK_THAT(again.err,
             Catch::Contains("all 20 steps are done") && Catch::Contains("nothing is written"));
  CHECK_THAT(again.out, Catch::Contains("PCA with 4 numbers") &&
                            Catch::Contains("20 steps of 50 images, all done before") &&
                            !Catch::Contains("0.000 ms") && !Catch::Contains("saved"));
  const auto result = require_json({"train", "--resume", run, "--json"});
  for (const char* key :
       {"test", "validation", "pca", "dead", "losses", "steps", "epochs", "parameters_hash"})
    CHECK(result[key] == first[key]);
  CHECK(result["steps_now"] == 0);
  CHECK(result["ms_per_step"] == nullptr);
  CHECK(hourglass({"train", "--resume", run, "--steps", "3"}).exit_code == 0);
  CHECK(snapshot(run) == before);
  for (const auto& [path, time] : times) CHECK(std::filesystem::last_write_time(path) == time);

  // What a finished run lacks is written again.
  std::filesystem::remove(run + "/model.safetensors");
  REQUIRE(hourglass({"train", "--resume", run}).exit_code == 0);
  CHECK(read_file(run + "/model.safetensors") == before.at(run + "/model.safetensors"));
}

TEST_CASE("cli: to resume a finished tutorial prints the tutorial's lines again") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  const CommandResult first = hourglass(
      {"train", "--preset", "tutorial", "--data", "strokes:300", "--epochs", "2", "--out", run});
  REQUIRE(first.exit_code == 0);
  const CommandResult again = hourglass({"train", "--resume", run});
  REQUIRE(again.exit_code == 0);
  const auto up_to_table = [](const std::string& text) {
    return text.substr(0, text.find("SE: "));
  };
  CHECK(up_to_table(again.out) == up_to_table(first.out));
}

}  // namespace hourglass::test
