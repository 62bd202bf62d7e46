// The engine's arithmetic on the project's own kernels, in single precision. In bf16, what a
// product reads is rounded to bf16 and kept in floats: the numbers of bf16 instructions (a product
// of two bf16 numbers is exact in a float) for CPUs that have none.
#pragma once

#include <memory>
#include <vector>

#include "cpu/data_pass.h"
#include "cpu/layer.h"
#include "cpu/passes.h"
#include "cpu/weight_pass.h"

namespace hourglass::cpu {

class FusedPasses {
 public:
  using Buffers = BatchBuffers;

  /// `sparse`: the first layer works on lit pixels only. `skip_zeros`: products leave out columns
  /// that are zeros.
  FusedPasses(const NetworkSpec& network, const Kernels& kernels, Precision precision, bool sparse,
              bool skip_zeros, int threads);
  FusedPasses(const FusedPasses&) = delete;
  FusedPasses& operator=(const FusedPasses&) = delete;

  void read_state(const TrainingState& state, ThreadPool& pool);
  void write_state(TrainingState& state, ThreadPool& pool) const;

  [[nodiscard]] BatchBuffers make_buffers(std::int64_t rows, bool training) const {
    return {network_, kernels_, rows, training, precision_ == Precision::bf16};
  }
  void prepare_input(BatchBuffers& buffers, const Rows& rows, int layer, bool training) const {
    data_pass_.round_input(buffers, rows, layer);
    if (layer == 0 && layers_.front().sparse) data_pass_.list_lit_pixels(buffers, rows, training);
  }
  void forward(BatchBuffers& buffers, const Rows& rows, int begin, int end) {
    data_pass_.forward(buffers, rows, begin, end);
  }
  void output_and_loss(BatchBuffers& buffers, const Rows& rows, float scale) {
    data_pass_.output_and_loss(buffers, rows, scale);
  }
  void backward(BatchBuffers& buffers, const Rows& rows) { data_pass_.backward(buffers, rows); }
  void prepare_weights(std::int64_t batch, int workers) {
    weight_pass_ = std::make_unique<WeightPass>(layers_, kernels_, skip_zeros_, batch, workers);
  }
  void prepare_update(BatchBuffers& buffers, ThreadPool& pool) {
    weight_pass_->prepare(buffers, pool);
  }
  [[nodiscard]] std::int64_t weight_items() const { return weight_pass_->items(); }
  void update_weights(std::int64_t item, int worker, BatchBuffers& buffers,
                      const AdamStep& scalars) {
    weight_pass_->run(item, worker, buffers, scalars);
  }

 private:
  NetworkSpec network_;
  const Kernels& kernels_;
  Precision precision_;
  bool skip_zeros_;
  std::vector<Layer> layers_;
  DataPass data_pass_;
  std::unique_ptr<WeightPass> weight_pass_;
};

static_assert(Passes<FusedPasses>);

}  // namespace hourglass::cpu
