// Errors of the CUDA runtime as exceptions.
#pragma once

#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <string>

#include "hourglass/error.h"

namespace hourglass::kernels {

/// Whether an error is for good: CUDA's documentation asks to end the process after it.
[[nodiscard]] inline bool is_sticky(cudaError_t error) {
  constexpr std::array codes{226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 810, 911};
  return std::ranges::find(codes, static_cast<int>(error)) != codes.end();
}

/// A runtime call failed. `code()` is ExitCode::device where there is no usable driver or
/// device, or too little memory.
class CudaError : public Error {
 public:
  CudaError(cudaError_t error, const std::string& what)
      : Error(exit_code(error), text(error, what)), error_(error) {}
  [[nodiscard]] cudaError_t error() const noexcept { return error_; }

 private:
  static ExitCode exit_code(cudaError_t error) {
    // Memory taken by others, stub library, old driver, device taken by others, no device, system
    // not ready or mismatched.
    constexpr std::array codes{2, 34, 35, 46, 100, 802, 803};
    return std::ranges::find(codes, static_cast<int>(error)) != codes.end() ? ExitCode::device
                                                                            : ExitCode::internal;
  }
  static std::string text(cudaError_t error, const std::string& what) {
    std::string message = what + ": " + cudaGetErrorName(error) + " (" +
                          std::to_string(static_cast<int>(error)) +
                          "): " + cudaGetErrorString(error);
    if (is_sticky(error))
      message +=
          ". This error is sticky: nothing on the device can be used any more and the process must "
          "end. The last checkpoint is untouched; `dmesg | grep Xid` may tell more.";
    return message;
  }

  cudaError_t error_;
};

/// Throws CudaError unless `error` is cudaSuccess. `what` says what was tried.
inline void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // so that no later call reports it again
  throw CudaError(error, what);
}

}  // namespace hourglass::kernels
