// One checked way to start a kernel.
#pragma once

#include <cuda_runtime.h>

#include <utility>

#include "kernels/check.h"

namespace hourglass::kernels {

/// Enqueues `kernel` on `stream`. `name` is what a CudaError says was tried.
template <typename... Parameters, typename... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), dim3 blocks, dim3 threads,
            cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
}

}  // namespace hourglass::kernels
