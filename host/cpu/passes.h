// What the CPU engine's frame asks of the arithmetic behind it. Two classes answer: FusedPasses, on
// the project's own kernels (single precision), and LibraryPasses, on oneDNN's products
// (single precision or bf16). They are template arguments, not a second virtual interface.
#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include "cpu/batch_buffers.h"
#include "cpu/thread_pool.h"
#include "hourglass/engine.h"

namespace hourglass::cpu {

/// Rows [first, last) of a batch, which lie in its chunk number `chunk`, and the worker whose turn
/// they are.
struct Rows {
  std::int64_t chunk = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  int worker = 0;

  [[nodiscard]] std::int64_t count() const { return last - first; }
};

template <typename P>
concept Passes = requires(P passes, const P& constant, typename P::Buffers& buffers, Rows rows,
                          ThreadPool& pool, const TrainingState& in, TrainingState& out,
                          const AdamStep& scalars, float scale, int layer, bool flag,
                          std::int64_t number) {
  passes.read_state(in, pool);
  constant.write_state(out, pool);
  /// Buffers for `number` rows; with room for gradients when `flag`.
  { constant.make_buffers(number, flag) } -> std::same_as<typename P::Buffers>;
  /// Gets ready what layer `layer` reads, once its input rows are written; `flag`: also for the
  /// weight pass.
  constant.prepare_input(buffers, rows, layer, flag);
  /// Layers [layer, layer) forward.
  passes.forward(buffers, rows, layer, layer);
  /// The output layer with loss and dz, scaled by `scale`.
  passes.output_and_loss(buffers, rows, scale);
  /// dz of all layers from the output's.
  passes.backward(buffers, rows);
  /// Gets ready for weight passes over batches of `number` images on `layer` workers.
  passes.prepare_weights(number, layer);
  /// Between the data pass and the weight pass.
  passes.prepare_update(buffers, pool);
  { constant.weight_items() } -> std::same_as<std::int64_t>;
  /// Item `number` of the weight pass, by worker `layer`.
  passes.update_weights(number, layer, buffers, scalars);
};

}  // namespace hourglass::cpu
