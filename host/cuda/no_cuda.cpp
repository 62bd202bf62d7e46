// The CUDA engine of a build without the CUDA toolkit: it says so.
#include "cuda/covariance.h"
#include "cuda/cuda_engine.h"
#include "hourglass/error.h"

namespace hourglass::cuda {

bool built_with_cuda() { return false; }

CudaStatus cuda_device_status() {
  return {{},
          "a build without CUDA",
          "Build it where the CUDA toolkit is installed, or use --device cpu."};
}

void require_cuda_device(int index) {
  const CudaStatus status = cuda_device_status();
  const std::string number = index == 0 ? "" : ":" + std::to_string(index);
  throw DeviceError({"--device cuda" + number, "an NVIDIA GPU", status.problem, status.remedy});
}

std::unique_ptr<Engine> make_cuda_engine(const TrainingPlan&, const CudaOptions& options) {
  require_cuda_device(options.device);
  return nullptr;
}

std::optional<Moments> image_moments(const Images&, int index) {
  require_cuda_device(index);
  return std::nullopt;
}

}  // namespace hourglass::cuda
