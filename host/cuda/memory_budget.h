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
    sum_.add(static_cast<std::size_t>(size) * sizeof(T));
    take_.push_back([&buffer, name = std::move(name), size](cudaStream_t stream) {
      buffer = DeviceBuffer<T>(name, size);
      if (size > 0) clear(buffer.data(), size, stream);
    });
  }

  /// Bytes that all buffers added so far take of the device's memory.
  [[nodiscard]] std::size_t bytes() const { return sum_.bytes(); }
  /// And with one more buffer.
  [[nodiscard]] std::size_t bytes_with(std::size_t buffer) const {
    Sum sum = sum_;
    sum.add(buffer);
    return sum.bytes();
  }

  /// Allocates every buffer, set to zero in `stream`. Throws DeviceError with the bytes needed and
  /// free, before anything is allocated, when they do not fit; also when another program takes the
  /// memory meanwhile.
  void take(cudaStream_t stream);

 private:
  /// The driver hands out pages. cudaMalloc puts small buffers together in some and gives a large
  /// one pages of its own. Room lost between small ones comes out of usable_memory()'s reserve.
  class Sum {
   public:
    void add(std::size_t bytes) {
      if (bytes < page / 2)
        small_ += rounded(bytes, grain);
      else
        large_ += rounded(bytes, page);
    }
    [[nodiscard]] std::size_t bytes() const { return large_ + rounded(small_, page); }

   private:
    static constexpr std::size_t page = std::size_t{2} << 20;
    static constexpr std::size_t grain = 512;
    static std::size_t rounded(std::size_t bytes, std::size_t unit) {
      return (bytes + unit - 1) / unit * unit;
    }

    std::size_t small_ = 0;
    std::size_t large_ = 0;
  };

  std::vector<std::function<void(cudaStream_t)>> take_;
  Sum sum_;
};

/// Bytes free on the current device that an engine may plan with: what is free, less a reserve for
/// the driver's own needs (graphs, code, printf).
[[nodiscard]] std::size_t usable_memory();

}  // namespace hourglass::cuda
