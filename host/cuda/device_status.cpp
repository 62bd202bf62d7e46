// Which devices there are, and if none, why.
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <string>

#include "cuda/cuda_engine.h"
#include "cuda/gemm.h"
#include "hourglass/error.h"

namespace hourglass::cuda {
namespace {

std::string cuda_version(int number) {  // 13000: "13.0"
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

CudaStatus no_driver() {
  int driver = 0;
  int runtime = 0;
  static_cast<void>(cudaDriverGetVersion(&driver));
  static_cast<void>(cudaRuntimeGetVersion(&runtime));
  if (driver == 0)
    return {{}, "no NVIDIA driver on this machine", "Install the driver, or use --device cpu."};
  return {{},
          "a driver for CUDA " + cuda_version(driver) + ", too old for CUDA " +
              cuda_version(runtime) + " that this binary was built with",
          "Update the driver, or use --device cpu."};
}

CudaStatus no_device() {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible == nullptr)
    return {{}, "a driver, but no NVIDIA GPU", "Check `nvidia-smi`, or use --device cpu."};
  return {{},
          "all NVIDIA GPUs hidden by CUDA_VISIBLE_DEVICES=\"" + std::string(visible) + "\"",
          "Unset CUDA_VISIBLE_DEVICES, or use --device cpu."};
}

CudaStatus problem(cudaError_t error) {
  switch (error) {
    case cudaErrorStubLibrary:
      return {{},
              "the CUDA toolkit's stub of the driver library (libcuda.so) instead of a driver",
              "Take the toolkit's stubs folder out of LD_LIBRARY_PATH, or use --device cpu."};
    case cudaErrorInsufficientDriver:
      return no_driver();
    case cudaErrorNoDevice:
      return no_device();
    default:
      return {{},
              std::string("the error ") + cudaGetErrorName(error) + " (" +
                  std::to_string(static_cast<int>(error)) + "): " + cudaGetErrorString(error),
              "Check `nvidia-smi`, or use --device cpu."};
  }
}

}  // namespace

bool built_with_cuda() { return true; }

CudaStatus cuda_device_status() {
  int count = 0;  // left as it is without a driver
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count < 1) error = cudaErrorNoDevice;
  CudaStatus status;
  for (int index = 0; error == cudaSuccess && index < count; ++index) {
    cudaDeviceProp properties{};
    error = cudaGetDeviceProperties(&properties, index);
    if (error != cudaSuccess) break;
    status.devices.push_back({properties.name, properties.major, properties.minor,
                              properties.multiProcessorCount, properties.totalGlobalMem});
  }
  static_cast<void>(cudaGetLastError());
  if (error != cudaSuccess) return problem(error);
  if (const std::string missing = Gemm::problem(); !missing.empty())
    return {{}, "a GPU, but " + missing, std::string(products_remedy)};
  return status;
}

void require_cuda_device(int index) {
  const std::string subject =
      index == 0 ? std::string("--device cuda") : "--device cuda:" + std::to_string(index);
  const CudaStatus status = cuda_device_status();
  if (status.devices.empty())
    throw DeviceError({subject, "an NVIDIA GPU", status.problem, status.remedy});
  const auto count = static_cast<int>(status.devices.size());
  if (index < 0 || index >= count)
    throw DeviceError({subject, "a device number from 0 to " + std::to_string(count - 1),
                       std::to_string(index),
                       "Name a device that `nvidia-smi` lists; CUDA_VISIBLE_DEVICES renumbers "
                       "them."});
  const CudaDevice& device = status.devices[static_cast<std::size_t>(index)];
  if (device.major < least_major)
    throw DeviceError(
        {subject, "compute capability " + std::to_string(least_major) + ".0 or later",
         device.name + " with " + std::to_string(device.major) + "." + std::to_string(device.minor),
         "Use --device cpu."});
}

}  // namespace hourglass::cuda
