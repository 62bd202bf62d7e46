#include "lab/lab.h"

#include <algorithm>
#include <cmath>

#include "cuda/cuda_engine.h"
#include "cuda/gemm.h"
#include "lab/entry.h"
#include "lab/unavailable.h"

namespace hourglass::tools::lab {
namespace {

/// So many operands, one after the other, leave nothing of the first in the cache.
constexpr std::int64_t most_operands = 256;

bool wanted(const Options& options, std::string_view group) {
  return std::ranges::find(options.only, group) != options.only.end();
}

/// Seconds that the entry takes at least.
double floor_of(const Entry& entry, double bytes_a_second) {
  const double moving = entry.bytes / bytes_a_second;
  return entry.flop > 0 ? std::max(moving, entry.flop / entry.peak_flop) : moving;
}

std::vector<Operation> operations(const Entry& entry, std::int64_t count, Rig& rig) {
  std::vector<Operation> made;
  for (std::int64_t i = 0; i < count; ++i) made.push_back(entry.make(rig, i));
  return made;
}

/// How many operands it takes to have none of them in the cache when its turn comes again; 0 if
/// that would be too many.
std::int64_t cold_operands(const Entry& entry, const Rig& rig) {
  const double count = std::ceil(2.0 * static_cast<double>(rig.l2_bytes()) / entry.bytes);
  return count <= static_cast<double>(most_operands) ? static_cast<std::int64_t>(count) + 1 : 0;
}

/// Times entries of one name and shape in turn, so that versions can be compared.
void measure_family(std::vector<Row>& rows, const std::vector<Entry>& family, const Row& common,
                    const Rates& rates, Rig& rig) {
  const Options& options = rig.options();
  struct Measured {
    std::size_t row;
    bool cold;
  };
  std::vector<Measured> measured;
  std::vector<Candidate> candidates;
  const auto add = [&](const Entry& entry, std::int64_t operands, bool cold) {
    candidates.push_back(timed_by_device(entry.name, operations(entry, operands, rig), rig));
    measured.push_back({rows.size() - 1, cold});
  };
  // A row without any time says why.
  const auto left_out = [&](const char* why) {
    if (measured.empty() || measured.back().row + 1 != rows.size()) rows.back().problem = why;
  };
  for (const Entry& entry : family) {
    Row row = common;
    row.name = entry.name;
    row.version = entry.version;
    row.precision = entry.precision;
    row.shape = entry.shape;
    row.bytes = entry.bytes;
    row.flop = entry.flop;
    const bool in_cache = entry.bytes <= static_cast<double>(rig.l2_bytes());
    row.warm.floor = floor_of(entry, in_cache ? rates.l2_bytes : rates.memory_bytes);
    rows.push_back(row);
    try {
      add(entry, 1, false);
      const std::int64_t operands = options.cold && in_cache ? cold_operands(entry, rig) : 0;
      if (operands == 0) continue;
      add(entry, operands, true);
      rows.back().cold.emplace().floor = floor_of(entry, rates.memory_bytes);
    } catch (const Unavailable& error) {
      left_out(error.what());
    } catch (const kernels::CudaError& error) {
      if (error.error() != cudaErrorMemoryAllocation) throw;
      left_out(error.what());
    } catch (const cuda::NoAlgorithmError& error) {  // as it may for a fused epilogue
      left_out(error.what());
    }
  }
  time_interleaved(candidates, options.rounds, options.round_seconds);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Row& row = rows[measured[i].row];
    set_timing(measured[i].cold ? *row.cold : row.warm, candidates[i]);
  }
}

void measure_entries(std::vector<Row>& rows, const std::vector<Entry>& entries, const Row& common,
                     const Rates& rates, Rig& rig) {
  for (auto begin = entries.begin(); begin != entries.end();) {
    const auto end = std::find_if(begin, entries.end(), [&](const Entry& entry) {
      return entry.name != begin->name || entry.shape != begin->shape;
    });
    measure_family(rows, {begin, end}, common, rates, rig);
    begin = end;
  }
}

std::vector<Entry> kernel_entries(const Sizes& sizes) {
  std::vector<Entry> entries;
  for (const auto& add :
       {gather_entries, bias_activation_entries, loss_entries, activation_backward_entries,
        adam_entries, magnitude_entries, metrics_entries, accumulate_entries})
    std::ranges::move(add(sizes), std::back_inserter(entries));
  return entries;
}

}  // namespace

std::vector<std::size_t> different_hidden_layers(const NetworkSpec& network) {
  std::vector<std::size_t> layers;
  for (std::size_t l = 0; l + 1 < network.activations.size(); ++l) {
    const bool known = std::ranges::any_of(layers, [&](std::size_t other) {
      return network.widths[other + 1] == network.widths[l + 1] &&
             network.activations[other] == network.activations[l];
    });
    if (!known) layers.push_back(l);
  }
  return layers;
}

void set_timing(Timing& timing, const Candidate& candidate) {
  timing.median = candidate.median();
  timing.lowest = candidate.lowest();
  timing.highest = candidate.highest();
}

Report measure(const Options& options) {
  cuda::require_cuda_device(options.device);
  kernels::check(cudaSetDevice(options.device), "select the device");
  const cuda::CudaDevice device =
      cuda::cuda_device_status().devices.at(static_cast<std::size_t>(options.device));
  Rig rig(options);
  Report report;
  report.device = device.name;
  report.compute_capability = std::to_string(device.major) + "." + std::to_string(device.minor);
  report.multiprocessors = device.multiprocessors;
  report.l2_bytes = rig.l2_bytes();
  report.network = options.plan.network.describe();
  measure_copies(report.rates, rig);
  measure_products(report.rates, rig);
  measure_launch(report.rates, rig);
  for (const std::int64_t batch : options.batches) {
    const Sizes sizes{options.plan, batch};
    Row common;
    common.batch = batch;
    common.group = "kernels";
    if (wanted(options, common.group))
      measure_entries(report.rows, kernel_entries(sizes), common, report.rates, rig);
    common.group = "products";
    if (wanted(options, common.group))
      measure_entries(report.rows, product_entries(sizes, report.rates), common, report.rates, rig);
    if (wanted(options, "steps"))
      std::ranges::move(measure_steps(sizes, report.rates, rig), std::back_inserter(report.rows));
  }
  return report;
}

}  // namespace hourglass::tools::lab
