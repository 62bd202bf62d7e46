// A report of the lab as a table and as JSON.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "lab/lab.h"

namespace hourglass::tools::lab {
namespace {

using Json = nlohmann::ordered_json;

constexpr double micro = 1e6;
constexpr double tera = 1e-12;

Json to_json(const Timing& timing) {
  return {{"floor_us", timing.floor * micro},
          {"median_us", timing.median * micro},
          {"min_us", timing.lowest * micro},
          {"max_us", timing.highest * micro},
          {"ratio_to_floor", timing.median / timing.floor}};
}

Json to_json(const Rates& rates) {
  Json products;
  for (std::size_t i = 0; i < arithmetic_names.size(); ++i)
    products[std::string(arithmetic_names[i])] = rates.product_flop[i] * tera;
  return {{"l2_tb_per_s", rates.l2_bytes * tera},
          {"memory_tb_per_s", rates.memory_bytes * tera},
          {"products_tflops", products},
          {"launch_us", rates.launch_seconds * micro}};
}

Json to_json(const Row& row) {
  Json json{{"group", row.group},         {"name", row.name},   {"version", row.version},
            {"precision", row.precision}, {"batch", row.batch}, {"shape", row.shape}};
  if (row.bytes > 0) json["bytes"] = row.bytes;
  if (row.flop > 0) json["flop"] = row.flop;
  if (!row.problem.empty()) {
    json["not_run"] = row.problem;
    return json;
  }
  json.update(to_json(row.warm));
  if (row.group == "steps") json["images_per_s"] = static_cast<double>(row.batch) / row.warm.median;
  if (row.cold) json["cold"] = to_json(*row.cold);
  return json;
}

void print_rates(const Report& report, std::FILE* out) {
  const Rates& rates = report.rates;
  std::fprintf(out, "%s, compute capability %s, %d multiprocessors, %.0f MB of L2 cache\n%s\n\n",
               report.device.c_str(), report.compute_capability.c_str(), report.multiprocessors,
               static_cast<double>(report.l2_bytes) / 1048576.0, report.network.c_str());
  std::fprintf(out, "measured here: copies %.2f TB/s in the L2 cache, %.2f TB/s outside; products",
               rates.l2_bytes * tera, rates.memory_bytes * tera);
  for (std::size_t i = 0; i < arithmetic_names.size(); ++i)
    std::fprintf(out, " %s %.1f", std::string(arithmetic_names[i]).c_str(),
                 rates.product_flop[i] * tera);
  std::fprintf(out, " TFLOP/s; the smallest launch %.2f us\n", rates.launch_seconds * micro);
}

void print_row(const Row& row, std::FILE* out) {
  std::fprintf(out, "%-20s %-19s %-4s %-20s ", row.name.c_str(), row.version.c_str(),
               row.precision.c_str(), row.shape.c_str());
  if (!row.problem.empty()) {
    std::fprintf(out, "not run: %s\n", row.problem.c_str());
    return;
  }
  const Timing& t = row.warm;
  std::fprintf(out, "%10.2f %10.2f %10.2f %10.2f %7.2f", t.floor * micro, t.median * micro,
               t.lowest * micro, t.highest * micro, t.median / t.floor);
  if (row.group == "steps")
    std::fprintf(out, "   %.2f M images/s", static_cast<double>(row.batch) / t.median * 1e-6);
  if (row.cold)
    std::fprintf(out, "   cold %.2f, floor %.2f", row.cold->median * micro,
                 row.cold->floor * micro);
  std::fprintf(out, "\n");
}

}  // namespace

Json to_json(const Report& report) {
  Json json{{"device", report.device},
            {"compute_capability", report.compute_capability},
            {"multiprocessors", report.multiprocessors},
            {"l2_bytes", report.l2_bytes},
            {"network", report.network},
            {"rates", to_json(report.rates)},
            {"results", Json::array()}};
  for (const Row& row : report.rows) json["results"].push_back(to_json(row));
  return json;
}

void print(const Report& report, std::FILE* out) {
  print_rates(report, out);
  const Row* above = nullptr;
  for (const Row& row : report.rows) {
    if (above == nullptr || above->batch != row.batch || above->group != row.group)
      std::fprintf(out, "\nbatch %-59lld %10s %10s %10s %10s %7s\n",
                   static_cast<long long>(row.batch), "floor us", "median us", "min", "max",
                   "ratio");
    print_row(row, out);
    above = &row;
  }
}

}  // namespace hourglass::tools::lab
