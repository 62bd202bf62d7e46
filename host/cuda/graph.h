// Work captured from a stream once and launched many times.
#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "cuda/stream.h"
#include "kernels/check.h"

namespace hourglass::cuda {

class Graph {
 public:
  Graph() = default;
  ~Graph() {
    if (executable_ != nullptr) static_cast<void>(cudaGraphExecDestroy(executable_));
  }
  Graph(Graph&& other) noexcept : executable_(std::exchange(other.executable_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(executable_, other.executable_);
    return *this;
  }

  /// What `enqueue` puts into `stream`, and into others by events that start and end there, instead
  /// of running it.
  template <typename Enqueue>
  static Graph capture(const Stream& stream, Enqueue&& enqueue) {
    Capture capture(stream.get());
    enqueue();
    return Graph(capture.end());
  }

  [[nodiscard]] explicit operator bool() const { return executable_ != nullptr; }
  void launch(const Stream& stream) const {
    kernels::check(cudaGraphLaunch(executable_, stream.get()), "launch a graph");
  }

 private:
  /// The graph that a capture ends in.
  class Captured {
   public:
    explicit Captured(cudaGraph_t graph) : graph_(graph) {}
    ~Captured() { static_cast<void>(cudaGraphDestroy(graph_)); }
    Captured(const Captured&) = delete;
    Captured& operator=(const Captured&) = delete;
    [[nodiscard]] cudaGraph_t get() const { return graph_; }

   private:
    cudaGraph_t graph_;
  };

  /// A capture under way; one that an exception cuts short is ended and dropped.
  class Capture {
   public:
    explicit Capture(cudaStream_t stream) : stream_(stream) {
      kernels::check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                     "begin a capture");
    }
    ~Capture() {
      if (ended_) return;
      cudaGraph_t graph = nullptr;
      static_cast<void>(cudaStreamEndCapture(stream_, &graph));
      if (graph != nullptr) static_cast<void>(cudaGraphDestroy(graph));
      static_cast<void>(cudaGetLastError());
    }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    [[nodiscard]] Captured end() {
      ended_ = true;
      cudaGraph_t graph = nullptr;
      kernels::check(cudaStreamEndCapture(stream_, &graph), "end a capture");
      return Captured(graph);
    }

   private:
    cudaStream_t stream_;
    bool ended_ = false;
  };

  explicit Graph(const Captured& captured) {
    kernels::check(cudaGraphInstantiate(&executable_, captured.get(), 0), "make a graph ready");
  }

  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace hourglass::cuda
