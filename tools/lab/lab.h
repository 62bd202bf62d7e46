// The kernel lab: every kernel, every product and the whole training step on a GPU, timed against
// what that GPU can do. Plain C++: no CUDA types here. no_cuda.cpp stands in where the build has no
// CUDA toolkit.
//   rig            the device, its stream, numbers to compute with
//   device_timer   operations timed by the device
//   copy           rates of memory and cache; peaks of the products are in gemm
//   X              the operations of kernels/X.h: the same stem
//   cudnn          the library, where the build has it; cudnn_entries its versions of operations
//   gemm           products, plain and with fused epilogues
//   training_step  whole steps of the engine
//   report         the result as a table and as JSON
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hourglass/engine.h"

namespace hourglass::tools::lab {

/// What there is to time.
inline constexpr std::array<std::string_view, 3> groups{"kernels", "products", "steps"};
/// The kinds of arithmetic, in the order of every array by arithmetic here.
inline constexpr std::array<std::string_view, 3> arithmetic_names{"tf32", "fp32", "bf16"};

struct Options {
  TrainingPlan plan;  // whose network and images are used; its batch is not
  int device = 0;
  std::vector<std::int64_t> batches{150, 512, 4096, 16384, 60000};
  std::vector<std::string> only{groups.begin(), groups.end()};
  int rounds = 7;
  bool cold = false;  // time kernels and products with operands out of the cache, too

  // Tests make these small.
  double round_seconds = 0.005;  // of a kernel or product
  double step_round_seconds = 0.1;
  std::int64_t launches = 32;      // of one kernel or product in a graph
  std::int64_t step_unit = 64;     // steps come in multiples of this: the engine's largest graph
  std::int64_t peak_width = 8192;  // of the square matrices whose product gives the peak rates
  std::int64_t l2_bytes = 0;       // 0: ask the device
};

/// What the device was seen to do in the same run.
struct Rates {
  double l2_bytes = 0;                   // a second, read and written, inside the L2 cache
  double memory_bytes = 0;               // outside of it
  std::array<double, 3> product_flop{};  // a second, by arithmetic
  double launch_seconds = 0;             // of the smallest kernel, in a graph
};

/// Seconds of one, over the rounds.
struct Timing {
  double median = 0;
  double lowest = 0;
  double highest = 0;
  double floor = 0;  // bytes or FLOP over the device's rate, whichever takes longer
};

struct Row {
  std::string group;
  std::string name;     // "gather", "forward 0", "step"
  std::string version;  // "" where there is one only
  std::string precision;
  std::int64_t batch = 0;
  std::string shape;
  double bytes = 0;     // moved at least
  double flop = 0;      // in products
  std::string problem;  // why it was not timed; empty if it was
  Timing warm;
  std::optional<Timing> cold;  // operands of which nothing is in the cache
};

struct Report {
  std::string device;
  std::string compute_capability;
  int multiprocessors = 0;
  std::int64_t l2_bytes = 0;
  std::string network;
  Rates rates;
  std::vector<Row> rows;
};

/// Times it all. Throws DeviceError where the device is not there.
[[nodiscard]] Report measure(const Options& options);

[[nodiscard]] nlohmann::ordered_json to_json(const Report& report);
/// The same for people.
void print(const Report& report, std::FILE* out);

}  // namespace hourglass::tools::lab
