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

namespace hourglass::cpu {

class WeightPass {
 public:
  WeightPass(std::vector<Layer>& layers, const Kernels& kernels, std::int64_t batch, int workers);

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
  using Scratch = AlignedBuffer<float>;

  void dense(const Item& item, float* gradient, BatchBuffers& buffers, const AdamStep& scalars);
  void sparse(const Item& item, float* gradient, BatchBuffers& buffers, const AdamStep& scalars);
  void bias(const Item& item, float* gradient, BatchBuffers& buffers, const AdamStep& scalars);
  void update(Layer& layer, std::int64_t panel, std::int64_t first_row, std::int64_t rows,
              const float* gradient, const AdamStep& scalars);

  std::vector<Layer>& layers_;
  const Kernels& kernels_;
  std::int64_t batch_;
  bool one_block_;  // the whole batch is summed before Adam is due
  std::vector<Item> items_;
  std::vector<Scratch> scratch_;  // by worker
};

}  // namespace hourglass::cpu
