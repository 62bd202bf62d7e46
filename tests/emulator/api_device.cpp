// Runtime calls about the device and about errors.
#include <array>
#include <cstring>

#include "cuda_profiler_api.h"
#include "emulator/grid.h"
#include "emulator/runtime.h"
#include "emulator/runtime_api.h"

using emulator::call;
using emulator::release_call;
using emulator::Runtime;

namespace {

constexpr int runtime_version = 13000;

struct ErrorName {
  cudaError_t error;
  const char* name;
  const char* text;
};

constexpr std::array error_names{
    ErrorName{cudaSuccess, "cudaSuccess", "no error"},
    ErrorName{cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    ErrorName{cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    ErrorName{cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    ErrorName{cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
              "invalid configuration argument"},
    ErrorName{cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection",
              "invalid copy direction for memcpy"},
    ErrorName{cudaErrorStubLibrary, "cudaErrorStubLibrary", "CUDA driver is a stub library"},
    ErrorName{cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
              "CUDA driver version is insufficient for CUDA runtime version"},
    ErrorName{cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction",
              "invalid device function"},
    ErrorName{cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    ErrorName{cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    ErrorName{cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
              "no kernel image is available for execution on the device"},
    ErrorName{cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable",
              "uncorrectable ECC error encountered"},
    ErrorName{cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle",
              "invalid resource handle"},
    ErrorName{cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    ErrorName{cudaErrorIllegalAddress, "cudaErrorIllegalAddress",
              "an illegal memory access was encountered"},
    ErrorName{cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources",
              "too many resources requested for launch"},
    ErrorName{cudaErrorLaunchTimeout, "cudaErrorLaunchTimeout",
              "the launch timed out and was terminated"},
    ErrorName{cudaErrorAssert, "cudaErrorAssert", "device-side assert triggered"},
    ErrorName{cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    ErrorName{cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    ErrorName{cudaErrorNotPermitted, "cudaErrorNotPermitted", "operation not permitted"},
    ErrorName{cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    ErrorName{cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
              "operation not permitted when stream is capturing"},
    ErrorName{cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
              "operation failed due to a previous error during capture"},
    ErrorName{cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge",
              "operation would result in a merge of separate capture sequences"},
    ErrorName{cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
              "capture was not ended in the same stream as it began"},
    ErrorName{cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
              "capturing stream has unjoined work"},
    ErrorName{cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
              "dependency created on uncaptured work in another stream"},
    ErrorName{cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
              "operation not permitted on an event last recorded in a capturing stream"},
    ErrorName{cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const ErrorName* find_error(cudaError_t error) {
  for (const ErrorName& entry : error_names) {
    if (entry.error == error) return &entry;
  }
  return nullptr;
}

cudaError_t check_device(Runtime& runtime, int device) {
  if (runtime.device_count == 0) return runtime.error(cudaErrorNoDevice, "no device");
  if (device < 0 || device >= runtime.device_count) {
    return runtime.error(cudaErrorInvalidDevice, "no device " + std::to_string(device));
  }
  return cudaSuccess;
}

/// A small device of compute capability 9.0.
cudaDeviceProp properties_of(Runtime& runtime) {
  cudaDeviceProp properties{};
  std::strncpy(properties.name, "hourglass emulator", sizeof(properties.name) - 1);
  properties.totalGlobalMem = runtime.memory().limit();
  properties.sharedMemPerBlock = emulator::default_dynamic_bytes;
  properties.sharedMemPerBlockOptin = emulator::max_dynamic_bytes;
  properties.sharedMemPerMultiprocessor = emulator::max_dynamic_bytes + 1024;
  properties.warpSize = warpSize;
  properties.maxThreadsPerBlock = emulator::max_threads;
  properties.maxThreadsPerMultiProcessor = 2 * emulator::max_threads;
  properties.multiProcessorCount = 4;
  properties.major = 9;
  properties.minor = 0;
  properties.l2CacheSize = 4 << 20;
  properties.memoryBusWidth = 64;
  return properties;
}

}  // namespace

cudaError_t cudaGetDeviceCount(int* count) {
  return call("cudaGetDeviceCount", [&](Runtime& runtime) {
    *count = runtime.device_count;
    return *count > 0 ? cudaSuccess : runtime.error(cudaErrorNoDevice, "no device");
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call("cudaGetDevice", [&](Runtime& runtime) {
    *device = 0;
    return check_device(runtime, 0);
  });
}

cudaError_t cudaSetDevice(int device) {
  return call("cudaSetDevice", [&](Runtime& runtime) { return check_device(runtime, device); });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call("cudaGetDeviceProperties", [&](Runtime& runtime) {
    const cudaError_t error = check_device(runtime, device);
    if (error == cudaSuccess) *properties = properties_of(runtime);
    return error;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call("cudaDeviceGetAttribute", [&](Runtime& runtime) {
    const cudaError_t error = check_device(runtime, device);
    if (error != cudaSuccess) return error;
    const cudaDeviceProp properties = properties_of(runtime);
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        *value = properties.maxThreadsPerBlock;
        break;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = static_cast<int>(properties.sharedMemPerBlock);
        break;
      case cudaDevAttrWarpSize:
        *value = properties.warpSize;
        break;
      case cudaDevAttrMultiProcessorCount:
        *value = properties.multiProcessorCount;
        break;
      case cudaDevAttrL2CacheSize:
        *value = properties.l2CacheSize;
        break;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = properties.maxThreadsPerMultiProcessor;
        break;
      case cudaDevAttrComputeCapabilityMajor:
        *value = properties.major;
        break;
      case cudaDevAttrComputeCapabilityMinor:
        *value = properties.minor;
        break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(properties.sharedMemPerBlockOptin);
        break;
      default:
        return runtime.error(cudaErrorInvalidValue, "attribute not emulated");
    }
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call("cudaDeviceSynchronize", [](Runtime& runtime) {
    const cudaError_t refused = runtime.refuse_in_capture("cudaDeviceSynchronize");
    if (refused == cudaSuccess) runtime.scheduler().run_all();
    return refused;
  });
}

cudaError_t cudaDeviceReset() {
  return call("cudaDeviceReset", [](Runtime& runtime) {
    runtime.scheduler().run_all();
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  // Without a driver CUDA reports version 0 and success.
  return call(
      "cudaDriverGetVersion",
      [&](Runtime& runtime) {
        *version = runtime.driver_error == cudaSuccess ? runtime_version : 0;
        return cudaSuccess;
      },
      false);
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return call(
      "cudaRuntimeGetVersion",
      [&](Runtime&) {
        *version = runtime_version;
        return cudaSuccess;
      },
      false);
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return call("cudaMemGetInfo", [&](Runtime& runtime) {
    *total_bytes = runtime.memory().limit();
    *free_bytes = *total_bytes - std::min(*total_bytes, runtime.memory().device_bytes());
    return cudaSuccess;
  });
}

cudaError_t cudaProfilerStart() {
  return call("cudaProfilerStart", [](Runtime&) { return cudaSuccess; });
}

cudaError_t cudaProfilerStop() {
  return release_call("cudaProfilerStop", [](Runtime&) { return cudaSuccess; });
}

cudaError_t cudaGetLastError() {
  emulator::CallScope scope(Runtime::instance());
  return std::exchange(Runtime::instance().last_error, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() {
  emulator::CallScope scope(Runtime::instance());
  return Runtime::instance().last_error;
}

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorName* entry = find_error(error);
  return entry != nullptr ? entry->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const ErrorName* entry = find_error(error);
  return entry != nullptr ? entry->text : "unrecognized error code";
}
