// The lab, on the emulator and small: every operation is launched with operands of the right sizes,
// every row is there and holds numbers. Times mean nothing here.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "cuda_support.h"
#include "hourglass/error.h"
#include "lab/lab.h"
#include "support/catch.h"

using namespace hourglass;
namespace lab = hourglass::tools::lab;

namespace {

const test::EngineProblem& problem(Activation activation) {
  static const test::EngineProblem relu({20, 12, 6, 12, 20}, Activation::relu, 5, PixelType::u8);
  static const test::EngineProblem gelu({20, 12, 6, 12, 20}, Activation::gelu, 5, PixelType::u8);
  return activation == Activation::relu ? relu : gelu;
}

lab::Options small_options(Activation activation = Activation::relu) {
  lab::Options options;
  options.plan = problem(activation).plan;
  options.batches = {5, 9};
  options.rounds = 2;
  options.cold = true;
  options.round_seconds = 0;
  options.step_round_seconds = 0;
  options.launches = 2;
  options.step_unit = 1;
  options.peak_width = 8;
  options.l2_bytes = 1 << 12;
  return options;
}

/// "name version precision" of the rows of a group and batch, sorted.
std::multiset<std::string> labels(const lab::Report& report, const std::string& group,
                                  std::int64_t batch) {
  std::multiset<std::string> found;
  for (const lab::Row& row : report.rows)
    if (row.group == group && row.batch == batch)
      found.insert(row.name + " " + row.version + " " + row.precision);
  return found;
}

bool sound(const lab::Timing& timing) {
  const double ratio = timing.median / timing.floor;
  return timing.lowest > 0 && timing.lowest <= timing.median && timing.median <= timing.highest &&
         std::isfinite(timing.highest) && timing.floor > 0 && std::isfinite(ratio);
}

}  // namespace

TEST_CASE("lab: every kernel, product and way of the step has its row, and every row its numbers") {
  emulator::reset();
  const lab::Report report = lab::measure(small_options());
  CHECK(emulator::live_objects().total() == 0);
  CHECK(report.device == "hourglass emulator");
  CHECK(report.rates.l2_bytes > 0);
  CHECK(report.rates.memory_bytes > 0);
  CHECK(report.rates.launch_seconds > 0);
  for (const double rate : report.rates.product_flop) CHECK(rate > 0);

  for (const std::int64_t batch : {5, 9}) {
    std::multiset<std::string> kernels{
        "gather  fp32",     "gather  bf16",       "loss relu fp32",       "loss relu bf16",
        "adam  fp32",       "adam  bf16",         "squared_errors  fp32", "unit_range  fp32",
        "unit_range  bf16", "sum_partials  fp32", "accumulate  fp32"};
    for (int width = 0; width < 2; ++width) {  // 12 and 6
      kernels.insert("magnitude  fp32");
      for (const std::string precision : {"fp32", "bf16"}) {
        kernels.insert("bias_activation relu " + precision);
        kernels.insert("activation_backward relu " + precision);
      }
    }
    CHECK(labels(report, "kernels", batch) == kernels);

    std::multiset<std::string> products;
    for (int layer = 0; layer < 4; ++layer)
      for (const std::string precision : {"tf32", "fp32", "bf16"}) {
        const std::string number = std::to_string(layer);
        const bool fused = precision != "bf16";
        products.insert("forward " + number + " plain " + precision);
        if (fused && layer < 3) products.insert("forward " + number + " fused " + precision);
        products.insert("weight gradient " + number + " plain " + precision);
        if (layer == 0) continue;
        products.insert("data gradient " + number + " plain " + precision);
        if (fused) products.insert("data gradient " + number + " fused " + precision);
      }
    CHECK(labels(report, "products", batch) == products);

    const std::multiset<std::string> steps{
        "step kernels, no graphs tf32", "step kernels tf32", "step fused tf32",
        "step kernels, no graphs fp32", "step kernels fp32", "step fused fp32",
        "step kernels, no graphs bf16", "step kernels bf16"};
    CHECK(labels(report, "steps", batch) == steps);
  }

  int cold = 0;
  for (const lab::Row& row : report.rows) {
    INFO(row.group << " " << row.name << " " << row.version << " " << row.precision);
    CHECK(row.problem.empty());
    CHECK(sound(row.warm));
    CHECK((row.bytes > 0 || row.group == "steps"));
    CHECK((row.flop > 0 || row.group == "kernels"));
    if (!row.cold) continue;
    CHECK(sound(*row.cold));
    ++cold;
  }
  CHECK(cold > 20);
}

TEST_CASE("lab: its JSON can be read and holds the rows") {
  emulator::reset();
  lab::Options options = small_options(Activation::gelu);
  options.batches = {5};
  options.only = {"kernels", "steps"};
  const lab::Report report = lab::measure(options);
  const auto json = nlohmann::json::parse(lab::to_json(report).dump());
  CHECK(json["device"] == "hourglass emulator");
  CHECK(json["rates"]["products_tflops"].size() == 3);
  REQUIRE(json["results"].size() == report.rows.size());
  for (const auto& row : json["results"]) {
    INFO(row.dump());
    CHECK(row["group"] != "products");
    for (const char* key : {"floor_us", "median_us", "min_us", "max_us", "ratio_to_floor"}) {
      REQUIRE(row[key].is_number());
      CHECK(row[key] > 0);
    }
    CHECK(row.contains("images_per_s") == (row["group"] == "steps"));
  }
}

TEST_CASE("lab: its table has a line for every row, and says what did not run") {
  lab::Report report;
  report.device = "a GPU";
  lab::Row row;
  row.group = "kernels";
  row.name = "gather";
  row.batch = 5;
  row.warm = {2e-6, 1e-6, 3e-6, 0.5e-6};
  row.cold = lab::Timing{4e-6, 4e-6, 4e-6, 1e-6};
  report.rows = {row, row, row};
  report.rows[1].problem = "no memory";
  report.rows[2].group = "steps";
  char* text = nullptr;
  std::size_t length = 0;
  std::FILE* out = open_memstream(&text, &length);
  REQUIRE(out != nullptr);
  lab::print(report, out);
  REQUIRE(std::fclose(out) == 0);
  const std::string table(text, length);
  std::free(text);
  INFO(table);
  using Catch::Contains;
  CHECK_THAT(table,
             Contains("0.50       2.00       1.00       3.00    4.00   cold 4.00, floor 1.00"));
  CHECK_THAT(table, Contains("not run: no memory") && Contains("2.50 M images/s"));
  const auto count = [&](const std::string& word) {
    int found = 0;
    for (std::size_t at = 0; (at = table.find(word, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  CHECK(count("gather") == 3);
  CHECK(count("batch 5 ") == 2);  // a heading a group
}

TEST_CASE("lab: what does not fit into the device's memory is a row that says so") {
  emulator::reset();
  lab::Options options = small_options();
  options.batches = {5, 300000};
  options.only = {"steps"};
  emulator::set_memory_limit(std::size_t{64} << 20);
  const lab::Report report = lab::measure(options);
  for (const lab::Row& row : report.rows) CHECK(row.problem.empty() == (row.batch == 5));
  CHECK(lab::to_json(report).dump().find("bytes free") != std::string::npos);
  emulator::reset();
}

TEST_CASE("lab: a device that is not there is an error before anything is timed") {
  emulator::reset();
  lab::Options options = small_options();
  options.device = 3;
  CHECK_THROWS_AS(lab::measure(options), DeviceError);
}
