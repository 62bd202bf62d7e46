// Entries of the lab: one file a row of kernels, with its stem.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cuda/device_network.h"
#include "lab/device_timer.h"
#include "lab/rig.h"

namespace hourglass::tools::lab {

/// One operation on one shape.
struct Entry {
  std::string name;
  std::string version;  // of operations with the same name and shape, which are timed in turn
  std::string_view precision;
  std::string shape;
  double bytes = 0;      // moved at least
  double flop = 0;       // in a product
  double peak_flop = 0;  // a second, for `flop`
  /// The operation on fresh operands. Different numbers: different operands throughout.
  std::function<Operation(Rig& rig, std::int64_t number)> make;
};

/// What the entries are made for.
struct Sizes {
  const TrainingPlan& plan;
  std::int64_t batch;
};

[[nodiscard]] std::vector<Entry> gather_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> bias_activation_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> loss_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> activation_backward_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> adam_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> magnitude_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> metrics_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> accumulate_entries(const Sizes& sizes);
[[nodiscard]] std::vector<Entry> product_entries(const Sizes& sizes, const Rates& rates);

/// cuDNN's version of one of the project's entries for a layer; none in a build without it
/// (no_cudnn.cpp) and for what it does not have.
[[nodiscard]] std::optional<Entry> cudnn_bias_activation(const Entry& own, std::int64_t rows,
                                                         std::int64_t columns,
                                                         Activation activation);
[[nodiscard]] std::optional<Entry> cudnn_activation_backward(const Entry& own, std::int64_t rows,
                                                             std::int64_t columns,
                                                             Activation activation);

/// Rates of memory, inside the cache and outside.
void measure_copies(Rates& rates, Rig& rig);
/// Peaks of the products.
void measure_products(Rates& rates, Rig& rig);
/// What a launch costs in a graph.
void measure_launch(Rates& rates, Rig& rig);

/// Rows of whole steps with one batch.
[[nodiscard]] std::vector<Row> measure_steps(const Sizes& sizes, const Rates& rates, Rig& rig);

// ---- What the entries share --------------------------------------------------------------------

/// "fp32" or "bf16".
template <typename Element>
constexpr std::string_view element_name = sizeof(Element) == sizeof(float) ? "fp32" : "bf16";

[[nodiscard]] inline std::string shape_text(std::int64_t rows, std::int64_t columns) {
  return std::to_string(rows) + " x " + std::to_string(columns);
}

/// A kernel on numbers of one kind; its version and operands are still to be set.
template <typename Element>
[[nodiscard]] Entry kernel_entry(std::string name, std::string shape, double bytes) {
  Entry entry;
  entry.name = std::move(name);
  entry.precision = element_name<Element>;
  entry.shape = std::move(shape);
  entry.bytes = bytes;
  return entry;
}

/// Bytes of a matrix of which each number stands for `bytes` of them.
[[nodiscard]] inline double matrix_bytes(std::int64_t rows, std::int64_t columns,
                                         std::size_t bytes) {
  return static_cast<double>(rows * columns) * static_cast<double>(bytes);
}

/// A candidate's seconds over its rounds.
void set_timing(Timing& timing, const Candidate& candidate);

/// Hidden layers that differ in width or activation.
[[nodiscard]] std::vector<std::size_t> different_hidden_layers(const NetworkSpec& network);

/// `make<Element>(layer)` for these layers, in fp32, by `cudnn_version` where it gives one, and in
/// bf16.
template <typename Make, typename CudnnVersion>
[[nodiscard]] std::vector<Entry> hidden_layer_entries(const Sizes& sizes, Make&& make,
                                                      CudnnVersion&& cudnn_version) {
  const NetworkSpec& network = sizes.plan.network;
  std::vector<Entry> entries;
  for (const std::size_t layer : different_hidden_layers(network)) {
    entries.push_back(make.template operator()<float>(layer));
    if (auto version = cudnn_version(entries.back(), sizes.batch, network.widths[layer + 1],
                                     network.activations[layer]))
      entries.push_back(*std::move(version));
    entries.push_back(make.template operator()<kernels::Bf16>(layer));
  }
  return entries;
}

}  // namespace hourglass::tools::lab
