// Mean and covariance of a set of images, on the CPU engine's product kernels.
#pragma once

#include "hourglass/moments.h"

namespace hourglass {

/// Sums run over blocks of `exact_sum_images` in single precision, and over blocks in double.
[[nodiscard]] Moments image_moments(const Images& images, int threads);

}  // namespace hourglass
