// Mean and covariance of a set of images, on a device. Plain C++: no CUDA types here. no_cuda.cpp
// stands in where the build has no CUDA toolkit.
#pragma once

#include <optional>

#include "hourglass/moments.h"

namespace hourglass::cuda {

/// Moments of `images` by products on device `index`: for u8 pixels the bits of the CPU's, for f32
/// pixels sums over the same blocks in another order. Takes the device's memory for as long as it
/// runs; none, and nothing kept, where too little of it is free. Throws DeviceError when the
/// device is not there, CudaError.
[[nodiscard]] std::optional<Moments> image_moments(const Images& images, int index);

}  // namespace hourglass::cuda
