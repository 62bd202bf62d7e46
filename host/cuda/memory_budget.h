// Device memory is counted before any of it is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cuda/device_buffer.h"
#include "cuda/stream.h"

namespace hourglass::cuda {

/// Buffers that are wanted. Their addresses must stay until take().
class MemoryBudget {
 public:
  template <typename T>
  void add(DeviceBuffer<T>& buffer, std::string name, std::int64_t size) {
    bytes_ += rounded(static_cast<std::size_t>(size) * sizeof(T));
    take_.push_back([&buffer, name = std::move(name), size](cudaStream_t stream) {
      buffer = DeviceBuffer<T>(name, size);
      if (size > 0) clear(buffer.data(), size, stream);
    });
  }

  /// Bytes of all buffers added so far.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Allocates every buffer, set to zero in `stream`. Throws DeviceError with the bytes needed and
  /// free, before anything is allocated, when they do not fit.
  void take(cudaStream_t stream);

 private:
  static std::size_t rounded(std::size_t bytes) {
    constexpr std::size_t unit = 512;  // the allocator's grain
    return (bytes + unit - 1) / unit * unit;
  }

  std::vector<std::function<void(cudaStream_t)>> take_;
  std::size_t bytes_ = 0;
};

/// Bytes free on the current device that an engine may plan with: what is free, less a reserve for
/// the driver's own needs (graphs, code, printf).
[[nodiscard]] std::size_t usable_memory();

}  // namespace hourglass::cuda
