// The first half of a step: images in, through the layers and back, row by row. Rows of a batch do
// not depend on one another, so a chunk of rows runs through everything without waiting for any
// other: activations stay in the core's own cache and threads meet only at the end.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/batch_buffers.h"
#include "cpu/kernels.h"
#include "cpu/layer.h"
#include "cpu/passes.h"

namespace hourglass::cpu {

/// Runs chunks of rows through the network; several chunks at once, each by one thread.
class DataPass {
 public:
  DataPass(const std::vector<Layer>& layers, const Kernels& kernels)
      : layers_(layers), kernels_(kernels) {}

  /// Lists the lit pixels of the rows for a sparse first layer; `by_pixel` also in the weight
  /// pass's order.
  void list_lit_pixels(BatchBuffers& buffers, const Rows& rows, bool by_pixel) const;
  /// Layers [begin, end) forward.
  void forward(BatchBuffers& buffers, const Rows& rows, int begin, int end) const;
  /// The output layer with loss and dz; `scale` = 2 / (batch * width).
  void output_and_loss(BatchBuffers& buffers, const Rows& rows, float scale) const;
  /// dz of all layers from the output's.
  void backward(BatchBuffers& buffers, const Rows& rows) const;

 private:
  void layer_product(BatchBuffers& buffers, const Rows& rows, int l, std::int64_t panel,
                     float* output, std::int64_t stride) const;
  /// Copies the columns of a_l that a sparse layer has just written into panels.
  void pack(BatchBuffers& buffers, const Rows& rows, int l, std::int64_t first_column,
            std::int64_t columns) const;

  const std::vector<Layer>& layers_;
  const Kernels& kernels_;
};

}  // namespace hourglass::cpu
