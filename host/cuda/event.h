// An event, owned: a point in a stream that another stream or the host can wait for.
#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "kernels/check.h"

namespace hourglass::cuda {

class Event {
 public:
  enum class Timing { off, on };

  explicit Event(Timing timing = Timing::off) {
    const unsigned flags = timing == Timing::on ? cudaEventDefault : cudaEventDisableTiming;
    kernels::check(cudaEventCreateWithFlags(&event_, flags), "create an event");
  }
  ~Event() {
    if (event_ != nullptr) static_cast<void>(cudaEventDestroy(event_));
  }
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }

  void record(cudaStream_t stream) {
    kernels::check(cudaEventRecord(event_, stream), "record an event");
  }
  /// Makes later work of `stream` wait for what came before the last record().
  void block(cudaStream_t stream) const {
    kernels::check(cudaStreamWaitEvent(stream, event_, 0), "let a stream wait for an event");
  }
  /// The host waits.
  void synchronize() const { kernels::check(cudaEventSynchronize(event_), "wait for the device"); }
  /// Whether the device is past the last record(), without a wait.
  [[nodiscard]] bool reached() const {
    const cudaError_t status = cudaEventQuery(event_);
    if (status == cudaErrorNotReady) {
      static_cast<void>(cudaGetLastError());  // not an error, and none may be found here later
      return false;
    }
    kernels::check(status, "ask for an event");
    return true;
  }
  [[nodiscard]] float milliseconds_since(const Event& start) const {
    float milliseconds = 0;
    kernels::check(cudaEventElapsedTime(&milliseconds, start.event_, event_), "read a timer");
    return milliseconds;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace hourglass::cuda
