// Page-locked memory of the host, owned: what asynchronous copies read and write.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/check.h"

namespace hourglass::cuda {

/// `size()` elements, uninitialised. Its owner must not touch what a copy under way uses.
template <typename T>
class PinnedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  PinnedBuffer() = default;
  PinnedBuffer(const std::string& name, std::int64_t size) : size_(size) {
    if (size == 0) return;
    void* memory = nullptr;
    kernels::check(cudaHostAlloc(&memory, bytes(), cudaHostAllocDefault),
                   (std::to_string(bytes()) + " bytes of pinned memory for " + name).c_str());
    data_ = static_cast<T*>(memory);
  }
  ~PinnedBuffer() {
    if (data_ != nullptr) static_cast<void>(cudaFreeHost(data_));
  }
  PinnedBuffer(PinnedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  [[nodiscard]] T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] T* operator->() { return data_; }
  [[nodiscard]] const T* operator->() const { return data_; }
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(size_) * sizeof(T); }

 private:
  T* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace hourglass::cuda
