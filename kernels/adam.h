// Adam over the whole arena in one launch, or over none of it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "hourglass/optimizer.h"
#include "kernels/element.h"

namespace hourglass::kernels {

/// One layer as the device sees it: where its numbers lie in the arenas, and where its bf16 copy
/// does.
struct AdamLayer {
  std::int64_t weight = 0;  // offset of W (out, in) in the arenas
  std::int64_t bias = 0;    // offset of b
  std::int64_t in = 0;
  std::int64_t out = 0;
  const float* bias_partials = nullptr;  // (row_blocks, out), summed here in order
  std::int64_t row_blocks = 0;
  Bf16* weight_copy = nullptr;  // (out, copy_stride) or null
  std::int64_t copy_stride = 0;
};

struct AdamArgs {
  float* parameters = nullptr;  // the arenas, in the documented layout
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  const float* weight_gradients = nullptr;  // same layout; bias places unused
  const AdamLayer* layers = nullptr;        // device: (layer_count)
  int layer_count = 0;
  std::int64_t count = 0;              // parameters in all
  const AdamStep* schedule = nullptr;  // device: scalars of the range's steps
  std::int64_t offset = 0;             // this step's place in it
  /// Device: (2 * layer_count) largest |a| and |dz| bits of this step; the same rule as the CPU
  /// engine's nonfinite_layer() decides, before anything is written, whether the step is skipped.
  const std::uint32_t* magnitudes = nullptr;
  std::int64_t batch = 0;
  /// Device: this step's report: layer that was not finite, or -1; `skipped` is counted up.
  std::int32_t* nonfinite_layer = nullptr;
  std::int64_t* skipped = nullptr;
};

/// Moves 28 bytes a parameter (30 with bf16 copies) and does 12 FLOP.
void adam(const AdamArgs& args, cudaStream_t stream);

}  // namespace hourglass::kernels
