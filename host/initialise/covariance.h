// Mean and covariance of a set of images, on the CPU engine's product kernels.
#pragma once

#include <vector>

#include "hourglass/images.h"

namespace hourglass {

struct Moments {
  std::vector<double> mean;        // (width)
  std::vector<double> covariance;  // (width, width), symmetric
};

/// Sums run over blocks of images in single precision, and over blocks in double. A block of u8
/// images has at most 258 of them, whose pixel products (at most 258 * 255^2 < 2^24) single
/// precision holds exactly: the result is exact up to the last division.
[[nodiscard]] Moments image_moments(const Images& images, int threads);

}  // namespace hourglass
