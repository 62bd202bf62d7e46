#include "cuda/training_step.h"

#include "hourglass/error.h"
#include "lab/entry.h"
#include "product_shapes.h"
#include "step_timing.h"

namespace hourglass::tools::lab {
namespace {

/// A way to run the step, each kept alive as the reference of the next.
struct Way {
  std::string version;
  cuda::Epilogues epilogues;
  bool graphs;
};

std::vector<Way> ways(cuda::Arithmetic arithmetic) {
  std::vector<Way> result{{"kernels, no graphs", cuda::Epilogues::kernels, false},
                          {"kernels", cuda::Epilogues::kernels, true}};
  if (arithmetic != cuda::Arithmetic::bf16)
    result.push_back({"fused", cuda::Epilogues::fused, true});
  return result;
}

Candidate step_candidate(const TrainingPlan& plan, cuda::Arithmetic arithmetic, const Way& way,
                         const Options& options) {
  cuda::CudaOptions engine_options;
  engine_options.device = options.device;
  engine_options.arithmetic = arithmetic;
  engine_options.epilogues = way.epilogues;
  engine_options.graphs = way.graphs;
  Candidate candidate =
      timed_steps(way.version, cuda::make_cuda_engine(plan, engine_options), plan);
  candidate.unit = options.step_unit;
  return candidate;
}

}  // namespace

std::vector<Row> measure_steps(const Sizes& sizes, const Rates& rates, Rig& rig) {
  const Options& options = rig.options();
  TrainingPlan plan = sizes.plan;
  plan.batch = sizes.batch;
  std::vector<Row> rows;
  std::vector<Candidate> candidates;
  for (const auto arithmetic :
       {cuda::Arithmetic::tf32, cuda::Arithmetic::fp32, cuda::Arithmetic::bf16}) {
    const auto place = static_cast<std::size_t>(arithmetic);
    for (const Way& way : ways(arithmetic)) {
      Row row;
      row.group = "steps";
      row.name = "step";
      row.version = way.version;
      row.precision = arithmetic_names[place];
      row.batch = plan.batch;
      row.shape = std::to_string(plan.batch) + " images";
      row.flop = product_flop(plan.network, plan.batch);
      row.warm.floor = row.flop / rates.product_flop[place];
      try {
        candidates.push_back(step_candidate(plan, arithmetic, way, options));
      } catch (const DeviceError& error) {  // its memory is too small
        row.problem = error.what();
      }
      rows.push_back(row);
    }
  }
  time_interleaved(candidates, options.rounds, options.step_round_seconds);
  auto candidate = candidates.begin();
  for (Row& row : rows)
    if (row.problem.empty()) set_timing(row.warm, *candidate++);
  return rows;
}

}  // namespace hourglass::tools::lab
