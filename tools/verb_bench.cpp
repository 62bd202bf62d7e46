// hourglass bench
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "bench_cpu.h"
#include "common_flags.h"
#include "cpu/cpu_engine.h"
#include "cpu/thread_pool.h"
#include "cuda/cuda_engine.h"
#include "hourglass/error.h"
#include "hourglass/initialise.h"
#include "hourglass/make_engine.h"
#include "hourglass/model_file.h"
#include "hourglass/nearest.h"
#include "hourglass/npy.h"
#include "hourglass/random.h"
#include "hourglass/recipe.h"
#include "lab/lab.h"
#include "onednn/product.h"
#include "product_shapes.h"
#include "step_timing.h"
#include "train/engine_request.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

struct BenchFlags {
  DataFlags data;
  std::string device = "cpu";
  int threads = 0;
  std::string preset_name = "tutorial";
  std::vector<std::int64_t> batches;  // empty: the device's own
  int rounds = 7;
  std::vector<std::string> only;
  std::string export_directory;
  std::int64_t export_steps = 2000;
  bool cold = false;
  bool json = false;

  [[nodiscard]] bool on_gpu() const { return device != "cpu"; }
};

constexpr std::array<std::string_view, 6> candidate_names{
    "step-fp32", "step-fp32-dense", "step-fp32-onednn", "step-bf16", "products", "products-onednn"};

/// MNIST where it lies ready, the built-in images otherwise: a benchmark fetches nothing.
DataSet bench_data(const DataRequest& request) {
  try {
    return load_dataset(request);
  } catch (const MissingData&) {
    DataRequest builtin = request;
    builtin.source = "strokes";
    DataSet data = load_dataset(builtin);
    data.note = "MNIST is not on this machine; timed on the built-in images";
    return data;
  }
}

Candidate step_candidate(std::string_view name, const TrainingPlan& plan,
                         const cpu::CpuOptions& options) {
  return timed_steps(std::string(name), cpu::make_cpu_engine(plan, options), plan);
}

Candidate make_candidate(std::string_view name, const TrainingPlan& plan, int threads) {
  cpu::CpuOptions options;
  options.threads = threads;
  if (name == "products") return own_products(plan.network, plan.batch, threads);
  if (name == "products-onednn") return onednn_products(plan.network, plan.batch, threads);
  if (name == "step-fp32-onednn") options.library = true;
  if (name == "step-fp32-dense") {
    options.sparse_input = false;
    options.skip_zeros = false;
  }
  if (name == "step-bf16") options.precision = Precision::bf16;
  return step_candidate(name, plan, options);
}

/// What another program needs to run the very same steps: initial parameters, batch order, images.
void export_start(const std::string& directory, const TrainingPlan& plan, const DataSet& data,
                  std::int64_t steps) {
  const std::filesystem::path path(directory);
  std::filesystem::create_directories(path);
  ModelFile model;
  model.network = plan.network;
  model.parameters = variance_scaling(plan.network, plan.seed);
  model.rows = data.train.rows;
  model.cols = data.train.cols;
  save_model(path / "start.safetensors", model);
  write_idx((path / "train-images.idx").string(), data.train);
  write_idx((path / "test-images.idx").string(), data.test);
  NpyWriter order(path / "order.npy", plan.batch);
  const BatchStream stream(plan.seed, static_cast<std::uint64_t>(plan.train.count),
                           static_cast<std::uint64_t>(plan.batch));
  std::vector<float> row(static_cast<std::size_t>(plan.batch));
  for (std::int64_t step = 0; step < steps; ++step) {
    stream.visit(static_cast<std::uint64_t>(step), 0, stream.batch(),
                 [&](std::uint64_t i, std::uint64_t image) { row[i] = static_cast<float>(image); });
    order.append(row.data(), 1);
  }
  order.commit();
}

TrainingPlan bench_plan(const BenchFlags& flags, const DataSet& data) {
  Recipe recipe = preset(flags.preset_name);
  if (!flags.batches.empty()) recipe.batch = flags.batches.front();
  recipe.validate();
  TrainingPlan plan;
  plan.network = recipe.network(data.train.width());
  plan.optimizer = recipe.optimizer;
  plan.optimizer.schedule = Schedule::constant;
  plan.optimizer.warmup_steps = 0;
  plan.batch = recipe.batch;
  plan.train = data.train;
  return plan;
}

void print_ratio(const std::vector<Candidate>& candidates, std::string_view above,
                 std::string_view below, const char* note) {
  const auto find = [&](std::string_view name) {
    return std::ranges::find(candidates, name, &Candidate::name);
  };
  const auto numerator = find(above);
  const auto denominator = find(below);
  if (numerator == candidates.end() || denominator == candidates.end()) return;
  std::printf("%s / %s = %.3f%s\n", numerator->name.c_str(), denominator->name.c_str(),
              numerator->median() / denominator->median(), note);
}

/// Throws UsageError for flags that the device has no use for.
void require_sense(const BenchFlags& flags) {
  EngineRequest request;
  request.device = flags.device;
  request.validate();
  if (flags.on_gpu() && !request.is_cuda())
    throw UsageError(Finding{"--device " + flags.device, "cpu, cuda or cuda:INDEX", flags.device,
                             "Name the device to be timed."});
  const auto refuse = [&](bool given, const std::string& flag, const std::string& remedy) {
    if (given)
      throw UsageError(Finding{flag, "another device", "--device " + flags.device, remedy});
  };
  refuse(flags.on_gpu() && flags.threads > 0, "--threads", "Leave it out: it is the CPU's.");
  refuse(flags.on_gpu() && !flags.export_directory.empty(), "--export",
         "Leave --device out: what is exported is the same for all.");
  refuse(!flags.on_gpu() && flags.cold, "--cold", "Leave it out: it is a GPU's.");
  refuse(!flags.on_gpu() && flags.batches.size() > 1, "--batch with several numbers",
         "Run the benchmark once for each.");
  for (const std::string& name : flags.only)
    if (flags.on_gpu() && std::ranges::find(lab::groups, name) == lab::groups.end())
      throw UsageError(unknown_name("group of --only", name, lab::groups));
    else if (!flags.on_gpu() && std::ranges::find(candidate_names, name) == candidate_names.end())
      throw UsageError(unknown_name("candidate of --only", name, candidate_names));
}

int bench_gpu(const BenchFlags& flags) {
  lab::Options options;
  options.device = cuda_index(flags.device);
  cuda::require_cuda_device(options.device);
  const DataSet data = bench_data(flags.data.request);
  if (!data.note.empty()) std::fprintf(stderr, "note    %s\n", data.note.c_str());
  options.plan = bench_plan(flags, data);
  // Work on a GPU does not depend on the numbers, as long as they are finite.
  options.plan.optimizer.learning_rate = 1e-4;
  if (!flags.batches.empty()) options.batches = flags.batches;
  if (!flags.only.empty()) options.only = flags.only;
  options.rounds = flags.rounds;
  options.cold = flags.cold;
  const lab::Report report = lab::measure(options);
  if (!flags.json) {
    lab::print(report, stdout);
    return 0;
  }
  nlohmann::ordered_json json = lab::to_json(report);
  json["data"] = data.name;
  std::printf("%s\n", json.dump().c_str());
  return 0;
}

int bench_cpu(const BenchFlags& flags) {
  const DataSet data = bench_data(flags.data.request);
  const TrainingPlan plan = bench_plan(flags, data);
  if (!flags.export_directory.empty()) {
    export_start(flags.export_directory, plan, data, flags.export_steps);
    return 0;
  }
  const int threads = flags.threads > 0 ? flags.threads : cpu::default_threads();
  std::vector<Candidate> candidates{multiply_add_floor(plan.network, plan.batch, threads)};
  for (const std::string_view name : candidate_names)
    if (flags.only.empty() || std::ranges::find(flags.only, name) != flags.only.end())
      candidates.push_back(make_candidate(name, plan, threads));

  time_interleaved(candidates, flags.rounds);
  const double floor = candidates.front().median();
  const double rate = product_flop(plan.network, plan.batch) / floor;
  double load = 0;
  static_cast<void>(getloadavg(&load, 1));

  if (!data.note.empty()) std::fprintf(stderr, "note    %s\n", data.note.c_str());
  if (flags.json) {
    nlohmann::ordered_json report{{"network", plan.network.describe()},
                                  {"data", data.name},
                                  {"density", cpu::density(data.train)},
                                  {"batch", plan.batch},
                                  {"threads", threads},
                                  {"kernels", cpu::best_kernels().name},
                                  {"onednn", onednn::version_text()},
                                  {"native_bf16", onednn::has_bf16()},
                                  {"load_average", load},
                                  {"multiply_add_gflops", rate * 1e-9},
                                  {"floor_ms", floor * 1e3}};
    for (const Candidate& candidate : candidates)
      report["results"].push_back({{"name", candidate.name},
                                   {"median_ms", candidate.median() * 1e3},
                                   {"min_ms", candidate.lowest() * 1e3},
                                   {"max_ms", candidate.highest() * 1e3},
                                   {"ratio_to_floor", candidate.median() / floor}});
    std::printf("%s\n", report.dump().c_str());
    return 0;
  }
  std::printf("%s, batch %lld, %d threads, %s, load average %.2f\n",
              plan.network.describe().c_str(), static_cast<long long>(plan.batch), threads,
              std::string(cpu::best_kernels().name).c_str(), load);
  std::printf("multiply-add peak %.0f GFLOP/s; floor of the step's %.3f GFLOP: %.3f ms\n\n",
              rate * 1e-9, product_flop(plan.network, plan.batch) * 1e-9, floor * 1e3);
  std::printf("%-18s %9s %9s %9s %10s\n", "", "median ms", "min", "max", "to floor");
  for (const Candidate& candidate : candidates)
    std::printf("%-18s %9.3f %9.3f %9.3f %10.3f\n", candidate.name.c_str(),
                candidate.median() * 1e3, candidate.lowest() * 1e3, candidate.highest() * 1e3,
                candidate.median() / floor);
  std::printf("\n");
  print_ratio(candidates, "step-fp32", "products", "");
  print_ratio(candidates, "step-fp32", "products-onednn", "");
  print_ratio(candidates, "step-bf16", "step-fp32",
              onednn::has_bf16() ? "" : "   (no bf16 instructions on this CPU: emulated)");
  return 0;
}

int bench_verb(const BenchFlags& flags) {
  require_sense(flags);
  return flags.on_gpu() ? bench_gpu(flags) : bench_cpu(flags);
}

}  // namespace

void add_bench(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* verb = app.add_subcommand("bench",
                                      "Time the training step, and on a GPU each kernel and "
                                      "product, against what the device can do");
  flags->data.add(*verb);
  verb->add_option("--device", flags->device, "cpu, cuda or cuda:INDEX");
  add_threads(*verb, flags->threads);
  verb->add_option("--preset", flags->preset_name, "whose network is timed");
  verb->add_option("--batch", flags->batches, "images a step; on a GPU one number or several")
      ->check(whole_number(1))
      ->delimiter(',')
      ->default_str("150, on a GPU 150,512,4096,16384,60000");
  verb->add_option("--rounds", flags->rounds, "interleaved rounds; medians are reported")
      ->check(whole_number(1, 1000));
  verb->add_option("--only", flags->only,
                   "time only these: step-fp32, step-fp32-dense, step-fp32-onednn, step-bf16, "
                   "products, products-onednn; on a GPU: kernels, products, steps")
      ->delimiter(',')
      ->default_str("all");
  verb->add_option("--export", flags->export_directory,
                   "instead write initial parameters, batch order and images there, for other "
                   "programs to run the same steps")
      ->default_str("none");
  verb->add_option("--steps", flags->export_steps, "steps of the exported batch order")
      ->check(whole_number(1));
  verb->add_flag("--cold", flags->cold,
                 "on a GPU: kernels and products also with operands out of the L2 cache");
  verb->add_flag("--json", flags->json, "print one JSON object");
  verb->callback(
      [flags, &invocation] { invocation.action = [flags] { return bench_verb(*flags); }; });
}

}  // namespace hourglass::tools
