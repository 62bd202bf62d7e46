// A small engine: batches go through pinned memory, a copy stream, a kernel and back, two at a
// time.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>

#include "emulator/example_cases.h"

namespace example {

class Stream {
 public:
  explicit Stream(unsigned flags = cudaStreamNonBlocking) {
    check(cudaStreamCreateWithFlags(&stream_, flags));
  }
  ~Stream() { cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class Event {
 public:
  Event() { check(cudaEventCreate(&event_)); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class PinnedArray {
 public:
  explicit PinnedArray(std::size_t count) { check(cudaMallocHost(&data_, count * sizeof(float))); }
  ~PinnedArray() { cudaFreeHost(data_); }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  float* data() const { return data_; }
  float& operator[](std::size_t i) const { return data_[i]; }

 private:
  float* data_ = nullptr;
};

/// The kernel of a batch, captured once.
class DoublingGraph {
 public:
  DoublingGraph(cudaStream_t stream, const float* in, float* out, int quads) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    try {
      run(double_quads<Bug::none>, 1, 32, 0, stream, in, out, quads);
    } catch (...) {
      cudaStreamEndCapture(stream, &graph_);
      cudaGraphDestroy(graph_);
      throw;
    }
    check(cudaStreamEndCapture(stream, &graph_));
    const cudaError_t failed = cudaGraphInstantiate(&executable_, graph_);
    cudaGraphDestroy(graph_);
    check(failed);
  }
  ~DoublingGraph() { cudaGraphExecDestroy(executable_); }
  DoublingGraph(const DoublingGraph&) = delete;
  DoublingGraph& operator=(const DoublingGraph&) = delete;

  void launch(cudaStream_t stream) const { check(cudaGraphLaunch(executable_, stream)); }

 private:
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
};

enum class Mode { streams, graph };

/// Doubles batches of 128 numbers; whether all came back right.
inline bool runs_batches(int batches, Mode mode) {
  constexpr std::size_t count = 128;
  constexpr std::size_t bytes = count * sizeof(float);
  Stream copies;
  Stream compute;
  std::array<Event, 2> uploaded;
  std::array<Event, 2> finished;
  const std::array<PinnedArray, 2> in{PinnedArray(count), PinnedArray(count)};
  const std::array<PinnedArray, 2> out{PinnedArray(count), PinnedArray(count)};
  const DeviceArray<float> device_in(2 * count);
  const DeviceArray<float> device_out(2 * count);
  const auto half = [](const DeviceArray<float>& array, std::size_t slot) {
    return array.data() + slot * count;
  };
  const DoublingGraph even(compute.get(), half(device_in, 0), half(device_out, 0), 32);
  const DoublingGraph odd(compute.get(), half(device_in, 1), half(device_out, 1), 32);

  bool right = true;
  const auto collect = [&](int batch) {
    const auto slot = static_cast<std::size_t>(batch % 2);
    check(cudaEventSynchronize(finished[slot].get()));
    for (std::size_t i = 0; i < count; ++i) {
      right = right && out[slot][i] == 2 * static_cast<float>(batch * 1000 + static_cast<int>(i));
    }
  };
  for (int batch = 0; batch < batches; ++batch) {
    const auto slot = static_cast<std::size_t>(batch % 2);
    if (batch >= 2) collect(batch - 2);
    for (std::size_t i = 0; i < count; ++i) {
      in[slot][i] = static_cast<float>(batch * 1000 + static_cast<int>(i));
    }
    check(cudaMemcpyAsync(half(device_in, slot), in[slot].data(), bytes, cudaMemcpyHostToDevice,
                          copies.get()));
    check(cudaEventRecord(uploaded[slot].get(), copies.get()));
    check(cudaStreamWaitEvent(compute.get(), uploaded[slot].get()));
    if (mode == Mode::graph) {
      (slot == 0 ? even : odd).launch(compute.get());
    } else {
      run(double_quads<Bug::none>, 1, 32, 0, compute.get(), half(device_in, slot),
          half(device_out, slot), 32);
    }
    check(cudaMemcpyAsync(out[slot].data(), half(device_out, slot), bytes, cudaMemcpyDeviceToHost,
                          compute.get()));
    check(cudaEventRecord(finished[slot].get(), compute.get()));
  }
  for (int batch = batches < 2 ? 0 : batches - 2; batch < batches; ++batch) collect(batch);
  return right;
}

}  // namespace example
