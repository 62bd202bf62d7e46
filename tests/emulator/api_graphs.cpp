// Graphs: captured from streams, launched as operations that follow the captured dependencies
// alone.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "emulator/runtime.h"
#include "emulator/runtime_api.h"

using emulator::call;
using emulator::Capture;
using emulator::Node;
using emulator::OperationPtr;
using emulator::release_call;
using emulator::Runtime;
using emulator::Work;

namespace {

/// The nodes that some node of `tail` comes after, and `tail` itself.
std::vector<bool> ancestors(const Capture& capture, const std::vector<std::size_t>& tail) {
  std::vector<bool> reached(capture.nodes.size());
  for (const std::size_t node : tail) reached[node] = true;
  for (std::size_t node = reached.size(); node-- > 0;) {
    if (!reached[node]) continue;
    for (const std::size_t earlier : capture.nodes[node].after) reached[earlier] = true;
  }
  return reached;
}

/// Every stream leaves the capture.
void leave_capture(Runtime& runtime, const std::shared_ptr<Capture>& capture) {
  for (const auto& [handle, stream] : runtime.streams()) {
    if (stream->capture != capture) continue;
    stream->capture = nullptr;
    stream->capture_origin = false;
    stream->capture_tail.clear();
  }
}

cudaError_t end_capture(Runtime& runtime, CUstream_st& stream, cudaGraph_t* graph) {
  if (stream.capture == nullptr || !stream.capture_origin) {
    return runtime.error(cudaErrorStreamCaptureUnmatched, "no capture began in this stream");
  }
  const std::shared_ptr<Capture> capture = stream.capture;
  const std::vector<bool> joined = ancestors(*capture, stream.capture_tail);
  leave_capture(runtime, capture);
  if (!capture->valid) {
    return runtime.error(cudaErrorStreamCaptureInvalidated,
                         "a call during the capture was not allowed in one");
  }
  if (std::find(joined.begin(), joined.end(), false) != joined.end()) {
    return runtime.error(cudaErrorStreamCaptureUnjoined,
                         "work in another stream was not joined by an event");
  }
  auto object = std::make_unique<CUgraph_st>();
  object->nodes = std::make_shared<const std::vector<Node>>(std::move(capture->nodes));
  *graph = runtime.graphs().add(std::move(object));
  return cudaSuccess;
}

void launch_nodes(Runtime& runtime, CUgraphExec_st& executable, CUstream_st& stream) {
  std::vector<OperationPtr> roots = runtime.predecessors(stream);
  roots.push_back(executable.last);
  std::vector<OperationPtr> operations;
  for (const Node& node : *executable.nodes) {
    std::vector<OperationPtr> after = node.after.empty() ? roots : std::vector<OperationPtr>{};
    for (const std::size_t earlier : node.after) after.push_back(operations[earlier]);
    operations.push_back(runtime.scheduler().enqueue(node.work, node.lane, std::move(after)));
  }
  operations.insert(operations.end(), roots.begin(), roots.end());
  stream.last = runtime.scheduler().enqueue(Work{"cudaGraphLaunch", {}, {}, {}}, stream.lane,
                                            std::move(operations));
  executable.last = stream.last;
}

}  // namespace

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode) {
  return call("cudaStreamBeginCapture", [&](Runtime& runtime) {
    if (handle == nullptr) {
      return runtime.error(cudaErrorStreamCaptureUnsupported,
                           "the default stream cannot be captured");
    }
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return runtime.error(cudaErrorInvalidValue, "the stream is being captured already");
    }
    stream->capture = std::make_shared<Capture>();
    stream->capture_origin = true;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  *graph = nullptr;
  const cudaError_t result = release_call("cudaStreamEndCapture", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    return end_capture(runtime, *stream, graph);
  });
  if (result != cudaSuccess && *graph != nullptr) {  // an injected error: the capture is over
    Runtime::instance().graphs().remove(std::exchange(*graph, nullptr));
  }
  return result;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return call("cudaStreamIsCapturing", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    if (stream->capture == nullptr) {
      *status = cudaStreamCaptureStatusNone;
    } else {
      *status = stream->capture->valid ? cudaStreamCaptureStatusActive
                                       : cudaStreamCaptureStatusInvalidated;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, std::size_t* count) {
  return call("cudaGraphGetNodes", [&](Runtime& runtime) {
    if (!runtime.graphs().contains(graph)) return runtime.bad_handle("graph");
    if (nodes != nullptr) return runtime.error(cudaErrorNotSupported, "only the count is emulated");
    *count = graph->nodes->size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  return call("cudaGraphInstantiate", [&](Runtime& runtime) {
    if (!runtime.graphs().contains(graph)) return runtime.bad_handle("graph");
    auto object = std::make_unique<CUgraphExec_st>();
    object->nodes = graph->nodes;
    *executable = runtime.executables().add(std::move(object));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t handle) {
  return call("cudaGraphUpload", [&](Runtime& runtime) {
    if (!runtime.executables().contains(executable)) return runtime.bad_handle("executable graph");
    if (runtime.stream_of(handle) == nullptr) return runtime.bad_handle("stream");
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  return call("cudaGraphLaunch", [&](Runtime& runtime) {
    if (!runtime.executables().contains(executable)) return runtime.bad_handle("executable graph");
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    if (stream->capture != nullptr) {
      stream->capture->valid = false;
      return runtime.error(cudaErrorNotSupported, "a graph within a graph is not emulated");
    }
    launch_nodes(runtime, *executable, *stream);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return release_call("cudaGraphExecDestroy", [&](Runtime& runtime) {
    if (!runtime.executables().contains(executable)) return runtime.bad_handle("executable graph");
    runtime.executables().remove(executable);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return release_call("cudaGraphDestroy", [&](Runtime& runtime) {
    if (!runtime.graphs().contains(graph)) return runtime.bad_handle("graph");
    runtime.graphs().remove(graph);
    return cudaSuccess;
  });
}
