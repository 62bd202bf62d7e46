// The second half of a step: weight gradients with Adam right behind them. A gradient is computed a
// few rows of a panel at a time into a small scratch, and Adam runs over those rows while they lie
// in the first-level cache: gradients never reach memory.
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
  struct Item {
    int layer = 0;
    std::int64_t panel = 0;  // first of `panels`; -1: the bias
    std::int64_t panels = 0;
  };
  struct Scratch {
    AlignedBuffer<float> gradient;    // (panels of an item, rows, panel width)
    AlignedBuffer<float> activation;  // (batch block, panel width): one packed panel
  };

  void dense(const Item& item, Scratch& scratch, BatchBuffers& buffers, const AdamStep& scalars);
  void sparse(const Item& item, Scratch& scratch, BatchBuffers& buffers, const AdamStep& scalars);
  void bias(Layer& layer, int l, Scratch& scratch, BatchBuffers& buffers, const AdamStep& scalars);
  void update(Layer& layer, std::int64_t panel, std::int64_t first_row, std::int64_t rows,
              const float* gradient, const AdamStep& scalars);

  std::vector<Layer>& layers_;
  const Kernels& kernels_;
  std::int64_t batch_;
  std::int64_t block_;      // images whose products are summed before the next are touched
  std::int64_t row_block_;  // gradient rows between two runs of Adam; 0: all of a panel
  std::vector<Item> items_;
  std::vector<Scratch> scratch_;
};

}  // namespace hourglass::cpu
