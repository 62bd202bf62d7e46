// Runs of steps: cut into blocks of a few sizes, each block one graph launch (or its steps put in
// one by one), a few blocks under way at a time. What a block needs goes up before it, its reports
// come down after it, and the host reads them when they are there.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "cuda/data_source.h"
#include "cuda/event.h"
#include "cuda/graph.h"
#include "cuda/nvtx.h"
#include "cuda/pinned_buffer.h"
#include "cuda/profiled_steps.h"
#include "cuda/training_step.h"

namespace hourglass::cuda {

inline constexpr std::int64_t most_block_steps = 64;

/// What the host tells a block of steps.
struct BlockInput {
  std::int64_t first_step;
  std::array<AdamStep, most_block_steps> schedule;
};

/// What a block of steps tells the host.
struct BlockOutput {
  std::array<double, most_block_steps> loss_sum;
  std::array<std::int32_t, most_block_steps> nonfinite_layer;
};

template <typename Element>
class Launches {
 public:
  /// Adds to the budget last of all: what is left of the device's memory decides whether the
  /// training images stay on the device, where the options leave that open.
  Launches(const TrainingPlan& plan, const CudaOptions& options, DeviceNetwork<Element>& network,
           MemoryBudget& budget);

  [[nodiscard]] bool resident() const { return resident_.has_value(); }
  [[nodiscard]] int fused_layers() const { return step_.fused_layers(); }

  /// After the budget was taken.
  void prepare(Gemm& main_products, Gemm& side_products, const Stream& main);

  /// Enqueues steps [first, first + count).
  void run(std::int64_t first, std::int64_t count, const Stream& main);
  /// Reports of finished blocks, in order. Waits for none of them.
  [[nodiscard]] std::vector<StepReport> take_reports();
  /// Waits for every block and keeps the reports.
  void synchronize();
  /// Forgets reports. Every block must be done.
  void forget_reports() { reports_.clear(); }
  /// MSE of a step's batch with the parameters as they are; waits.
  [[nodiscard]] double batch_loss(std::int64_t step, const Stream& main);

 private:
  /// A block under way, or room for one.
  struct Flight {
    PinnedBuffer<BlockInput> input;
    PinnedBuffer<BlockOutput> output;
    std::optional<StreamedBlock> images;  // streamed data only
    Event done;
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::array<Graph, 3> graphs;  // by size of block; resident data: those of the first flight
  };

  /// Whether blocks of that size are run: streamed images of one have to fit into its buffers.
  [[nodiscard]] bool may_run(std::size_t size) const;
  void run_block(std::int64_t first, std::size_t size, const Stream& main);
  /// Flight for the next block: waits for the block that had it before and reads its reports.
  [[nodiscard]] Flight& next_flight();
  void read_oldest();
  void send_inputs(Flight& flight, std::int64_t first, std::int64_t count, const Stream& main);
  /// Runs a step that changes nothing.
  void load_kernels(const Stream& main);
  void enqueue_steps(Flight& flight, std::int64_t count, const Stream& main);
  [[nodiscard]] StepPlace place(std::int64_t offset);
  [[nodiscard]] StepImages images(Flight& flight, std::int64_t offset);
  /// The graph of a block of that size; captured when it is first asked for.
  [[nodiscard]] const Graph& graph(Flight& flight, std::size_t size, const Stream& main);
  void start_profiler(const Stream& main);
  void stop_profiler(const Stream& main);

  TrainingPlan plan_;
  CudaOptions options_;
  std::size_t layers_;
  TrainingStep<Element> step_;
  std::optional<ResidentImages> resident_;
  std::optional<BatchCutter> cutter_;  // streamed data only
  std::optional<Stream> copies_;       // streamed data only
  DeviceBuffer<BlockInput> input_;
  DeviceBuffer<BlockOutput> output_;
  DeviceBuffer<std::uint32_t> magnitudes_;  // (most_block_steps, 2 * layers)
  std::array<Flight, 3> flights_;
  std::int64_t launched_ = 0;  // blocks ever put in; block b has flight b mod 3
  std::int64_t read_ = 0;      // blocks whose reports were read
  std::vector<StepReport> reports_;
  ProfiledSteps profiled_;
  NvtxEpochs epochs_;
};

}  // namespace hourglass::cuda
