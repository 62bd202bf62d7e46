// Images of a step into a batch, normalised: x / 255 for u8 pixels.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "hourglass/images.h"
#include "kernels/element.h"

namespace hourglass::kernels {

/// Where a step's images come from and go to.
struct GatherArgs {
  const void* pixels = nullptr;  // device: (images, width) of `type`
  PixelType type = PixelType::u8;
  std::int64_t images = 0;
  std::int64_t width = 0;
  std::uint64_t seed = 0;
  std::int64_t batch = 0;
  /// Device: number of the first step of a range; this gather is for step `*first_step + offset`.
  const std::int64_t* first_step = nullptr;
  std::int64_t offset = 0;
  /// True: `pixels` holds the rows of the batch already in order (streamed data); no permutation.
  bool in_order = false;
  std::int64_t stride = 0;   // of `out`, in elements
  float byte_unit = 255.0F;  // u8 pixels are divided by it; 1: they stay whole numbers up to 255
};

/// out (batch, width): row i is image BatchStream(seed, images, batch) of (step, i). Padding
/// columns up to `stride` are left alone. Moves batch * width * (pixel bytes + element bytes).
void gather(float* out, const GatherArgs& args, cudaStream_t stream);
void gather(Bf16* out, const GatherArgs& args, cudaStream_t stream);

}  // namespace hourglass::kernels
