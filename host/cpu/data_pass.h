// The first half of a step: images in, through the layers and back, row by row. Rows of a batch do
// not depend on one another, so a chunk of rows runs through everything without waiting for any
// other: activations stay in the core's own cache and threads meet only at the end.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/batch_buffers.h"
#include "cpu/kernels.h"
#include "cpu/layer.h"
#include "cpu/live_columns.h"
#include "cpu/passes.h"

namespace hourglass::cpu {

/// Runs chunks of rows through the network; several chunks at once, each by one worker.
class DataPass {
 public:
  /// `skip_zeros`: products leave out columns that are zero for all rows of a chunk. In bf16,
  /// activations and gradients are rounded as they are written, weights where a product reads them;
  /// the network's output and loss are not.
  DataPass(const std::vector<Layer>& layers, const Kernels& kernels, Precision precision,
           bool skip_zeros, int workers);

  /// Rounds what layer `layer` reads, in bf16: pixels into a copy, codes where they are.
  void round_input(BatchBuffers& buffers, const Rows& rows, int layer) const;
  /// Lists the lit pixels of the rows for a sparse first layer; `by_pixel` also in the weight
  /// pass's order.
  void list_lit_pixels(BatchBuffers& buffers, const Rows& rows, bool by_pixel) const;
  /// Layers [begin, end) forward.
  void forward(BatchBuffers& buffers, const Rows& rows, int begin, int end);
  /// The output layer with loss and dz; `scale` = 2 / (batch * width).
  void output_and_loss(BatchBuffers& buffers, const Rows& rows, float scale);
  /// dz of all layers from the output's.
  void backward(BatchBuffers& buffers, const Rows& rows);

 private:
  /// What a worker needs for columns side by side.
  struct Scratch {
    LiveColumns depth;            // of the operand
    LiveColumns columns;          // of the result
    AlignedBuffer<float> rows;    // (chunk's rows, depth)
    AlignedBuffer<float> panel;   // (depth, panel_width), or wide for a sparse layer in bf16
    AlignedBuffer<float> result;  // (chunk's rows, panel_width)
  };

  /// The operand of a product that is read by broadcast: rows as they are, or, when `few`, their
  /// live columns, listed in the worker's scratch, side by side.
  struct Operand {
    const float* data = nullptr;
    std::int64_t stride = 0;
    std::int64_t depth = 0;
    bool few = false;
  };
  Operand operand(const float* data, std::int64_t stride, const Rows& rows, std::int64_t width);
  /// A panel's rows that belong to the operand's columns, rounded in bf16; the panel itself where
  /// that is the same. `rounded`: it is already.
  const float* panel_for(const Operand& a, const float* panel, bool rounded, int worker);

  void sparse_product(BatchBuffers& buffers, const Rows& rows, const Layer& layer,
                      std::int64_t panel, float* output, std::int64_t stride);
  /// output (rows, columns of a panel) = rows of layer l's input times its forward panel.
  void layer_product(const Operand& a, const Rows& rows, const Layer& layer, std::int64_t panel,
                     float* output, std::int64_t stride);
  /// da of layer l's input: all columns, or those in the worker's list only.
  void input_gradient(const Operand& dz, const Rows& rows, const Layer& layer, float* da,
                      std::int64_t stride);
  void input_gradient_of_live(const Operand& dz, const Rows& rows, const Layer& layer, float* da,
                              std::int64_t stride);
  /// Copies the columns of a_l that a sparse layer has just written into panels.
  void pack(BatchBuffers& buffers, const Rows& rows, int l, std::int64_t first_column,
            std::int64_t columns) const;

  const std::vector<Layer>& layers_;
  const Kernels& kernels_;
  bool bf16_;
  bool skip_zeros_;
  std::vector<Scratch> scratch_;  // by worker
};

}  // namespace hourglass::cpu
