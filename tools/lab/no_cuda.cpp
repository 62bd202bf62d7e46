// The lab of a build without the CUDA toolkit: it says so.
#include "cuda/cuda_engine.h"
#include "lab/lab.h"

namespace hourglass::tools::lab {

Report measure(const Options& options) {
  cuda::require_cuda_device(options.device);
  return {};
}

}  // namespace hourglass::tools::lab
