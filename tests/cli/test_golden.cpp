// The tutorial's first losses on real MNIST, against tests/golden/tutorial_losses.json: NumPy's in
// float64, made by tools/peers/make_golden.py.
#include <cmath>
#include <sstream>

#include "cli/cli_support.h"
#include "support/skip.h"

namespace hourglass::test {

// The tolerance is the file's own, the one that PyTorch, JAX and TensorFlow are judged by. The
// model of 16 u an element says nothing of losses 20 updates later: the second is 40 times the
// first, and what rounding does to it grows from step to step (frameworks: up to 5e-7). The
// smallest error known, Adam's epsilon in the wrong place, moves a loss by 0.18.
TEST_CASE("cli: the tutorial's first losses on MNIST are those of float64") {
  if (hourglass({"data", "check", "mnist"}).exit_code != 0)
    return skip(
        "MNIST is not on this machine (HOURGLASS_DATA_DIR or `hourglass data fetch mnist`)");
  const auto golden = nlohmann::json::parse(read_file(HOURGLASS_GOLDEN_LOSSES));
  const double tolerance = golden["tolerance_fp32"];
  const TemporaryFolder folder;
  for (const char* form : {"tensorflow", "kingma_ba"}) {
    const std::vector<double> expected = golden["float64"][form];
    const std::string run = folder / form;
    require_json({"train",
                  "--preset",
                  "tutorial",
                  "--data",
                  "mnist",
                  "--adam-form",
                  form,
                  "--seed",
                  golden["seed"].dump(),
                  "--batch",
                  golden["batch"].dump(),
                  "--device",
                  "cpu",
                  "--precision",
                  "fp32",
                  "--steps",
                  std::to_string(expected.size()),
                  "--out",
                  run,
                  "--json"});
    std::vector<double> losses;
    std::istringstream lines(read_file(run + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) {
      const auto event = nlohmann::json::parse(line);
      if (event["event"] == "step") losses.push_back(event["loss"]);
    }
    REQUIRE(losses.size() == expected.size());
    for (std::size_t step = 0; step < losses.size(); ++step) {
      CAPTURE(form, step, losses[step], expected[step]);
      CHECK(std::abs(losses[step] - expected[step]) <= tolerance * expected[step]);
    }
  }
}

}  // namespace hourglass::test
