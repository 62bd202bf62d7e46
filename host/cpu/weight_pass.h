// The second half of a step: weight gradients with Adam right behind them. A gradient is computed a
// block of rows at a time into a small scratch, and Adam runs over the block while it lies in the
// first-level cache: gradients never reach memory.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/batch_buffers.h"
#include "cpu/kernels.h"
#include "cpu/layer.h"
#include "cpu/live_columns.h"
#include "cpu/thread_pool.h"

namespace hourglass::cpu {

class WeightPass {
 public:
  /// `skip_zeros`: products leave out columns that are zero for the whole batch.
  WeightPass(std::vector<Layer>& layers, const Kernels& kernels, bool skip_zeros,
             std::int64_t batch, int workers);

  /// Once before the items of a step: finds the columns of zeros, and puts
  /// the others side by side where they are few.
  void prepare(BatchBuffers& buffers, ThreadPool& pool);

  /// Independent pieces of work; together they update every parameter once.
  [[nodiscard]] std::int64_t items() const { return static_cast<std::int64_t>(items_.size()); }
  void run(std::int64_t item, int worker, BatchBuffers& buffers, const AdamStep& scalars);

 private:
  enum class Work { dense, sparse, bias };
  struct Item {
    Work work;
    int layer = 0;
    std::int64_t first = 0;  // row of the master panels (dense), or panel (sparse)
    std::int64_t count = 0;  // rows
  };
  /// What a worker needs. `gradient` holds an item's gradient; with `few`, `spread` holds it with
  /// zeros where nothing was computed, and is all zeros between two uses.
  struct Scratch {
    AlignedBuffer<float> gradient;
    AlignedBuffer<float> spread;
    AlignedBuffer<float> operand;  // live columns of the broadcast operand, side by side
    LiveColumns live;
  };

  void dense(const Item& item, Scratch& scratch, BatchBuffers& buffers, const AdamStep& scalars);
  void dense_all(const Item& item, Scratch& scratch, BatchBuffers& buffers,
                 const AdamStep& scalars);
  void dense_few(const Item& item, Scratch& scratch, BatchBuffers& buffers,
                 const AdamStep& scalars);
  void sparse(const Item& item, Scratch& scratch, BatchBuffers& buffers, const AdamStep& scalars);
  void bias(const Item& item, float* gradient, BatchBuffers& buffers, const AdamStep& scalars);
  /// The matrix that a dense product reads by broadcast: pixels for the first layer, dz for others.
  [[nodiscard]] const float* broadcast_operand(int l, BatchBuffers& buffers) const;
  [[nodiscard]] std::int64_t broadcast_stride(int l, BatchBuffers& buffers) const;
  void update(Layer& layer, std::int64_t panel, std::int64_t first_row, std::int64_t rows,
              const float* gradient, const AdamStep& scalars);

  std::vector<Layer>& layers_;
  const Kernels& kernels_;
  std::int64_t batch_;
  bool skip_zeros_;
  bool one_block_;  // the whole batch is summed before Adam is due
  std::vector<Item> items_;
  std::vector<LiveColumns> live_;  // by layer, of the operand in panels; unused for a sparse layer
  std::vector<Scratch> scratch_;   // by worker
};

}  // namespace hourglass::cpu
