// A stream, owned: work in the order it was put in. Never waits for the legacy default stream.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "cuda/pinned_buffer.h"
#include "kernels/check.h"

namespace hourglass::cuda {

class Stream {
 public:
  Stream() {
    kernels::check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream");
  }
  ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] cudaStream_t get() const { return stream_; }
  /// The host waits until all work put in so far is done.
  void synchronize() const {
    kernels::check(cudaStreamSynchronize(stream_), "wait for the device");
  }

 private:
  cudaStream_t stream_ = nullptr;
};

/// `count` elements from pinned memory to the device, in the stream's turn.
template <typename T>
void upload(T* to, const T* from, std::int64_t count, cudaStream_t stream) {
  kernels::check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T),
                                 cudaMemcpyHostToDevice, stream),
                 "copy to the device");
}

/// `count` elements from the device to the host, in the stream's turn.
template <typename T>
void download(T* to, const T* from, std::int64_t count, cudaStream_t stream) {
  kernels::check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T),
                                 cudaMemcpyDeviceToHost, stream),
                 "copy from the device");
}

/// Sets `count` elements' bytes to zero, in the stream's turn.
template <typename T>
void clear(T* data, std::int64_t count, cudaStream_t stream) {
  kernels::check(cudaMemsetAsync(data, 0, static_cast<std::size_t>(count) * sizeof(T), stream),
                 "clear memory on the device");
}

}  // namespace hourglass::cuda
