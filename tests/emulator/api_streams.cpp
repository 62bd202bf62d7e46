// Streams and events.
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "emulator/runtime.h"
#include "emulator/runtime_api.h"
#include "emulator/sanitizers.h"

using emulator::call;
using emulator::OperationPtr;
using emulator::release_call;
using emulator::Runtime;
using emulator::Work;

namespace {

cudaError_t create_stream(const char* name, cudaStream_t* stream, unsigned flags) {
  return call(name, [&](Runtime& runtime) {
    *stream = runtime.streams().add(runtime.make_stream((flags & cudaStreamNonBlocking) == 0));
    return cudaSuccess;
  });
}

cudaError_t create_event(const char* name, cudaEvent_t* event, unsigned flags) {
  return call(name, [&](Runtime& runtime) {
    auto object = std::make_unique<CUevent_st>();
    object->timing = (flags & cudaEventDisableTiming) == 0;
    *event = runtime.events().add(std::move(object));
    return cudaSuccess;
  });
}

/// Whether an operation is done, after it had a chance to be.
cudaError_t query(Runtime& runtime, const OperationPtr& operation) {
  if (operation == nullptr) return cudaSuccess;
  if (!operation->done) runtime.scheduler().run_some();
  if (!operation->done) return runtime.error(cudaErrorNotReady, "work is still waiting");
  emulator::tsan::acquire(operation.get());
  return cudaSuccess;
}

/// Joins the event's capture, or comes after its nodes as well if the stream is in it already.
cudaError_t wait_in_capture(Runtime& runtime, CUstream_st& stream, const CUevent_st& event) {
  if (stream.capture == nullptr) {
    stream.capture = event.capture;
    stream.capture_tail.clear();
  }
  if (event.capture == nullptr) {
    stream.capture->valid = false;
    return runtime.error(cudaErrorStreamCaptureIsolation,
                         "a captured stream waits for an event recorded outside the capture");
  }
  if (stream.capture != event.capture) {
    stream.capture->valid = false;
    return runtime.error(cudaErrorStreamCaptureMerge,
                         "a captured stream waits for an event of another capture");
  }
  stream.capture_tail.insert(stream.capture_tail.end(), event.nodes.begin(), event.nodes.end());
  return cudaSuccess;
}

}  // namespace

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return create_stream("cudaStreamCreate", stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return create_stream("cudaStreamCreateWithFlags", stream, flags);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return create_stream("cudaStreamCreateWithPriority", stream, flags);
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return call("cudaDeviceGetStreamPriorityRange", [&](Runtime&) {
    *least = 0;
    *greatest = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return release_call("cudaStreamDestroy", [&](Runtime& runtime) {
    if (!runtime.streams().contains(stream)) return runtime.bad_handle("stream");
    if (stream->capture != nullptr) stream->capture->valid = false;
    runtime.streams().remove(stream);  // its operations stay enqueued, as in CUDA
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return call("cudaStreamSynchronize", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    const cudaError_t refused = runtime.refuse_in_capture("cudaStreamSynchronize");
    if (refused != cudaSuccess) return refused;
    // The default stream's turn comes after all other blocking streams.
    const std::vector<OperationPtr> awaited =
        handle == nullptr ? runtime.predecessors(*stream) : std::vector{stream->last};
    for (const OperationPtr& operation : awaited) {
      if (operation != nullptr) runtime.scheduler().run_until(*operation);
    }
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return call("cudaStreamQuery", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    const cudaError_t refused = runtime.refuse_in_capture("cudaStreamQuery");
    return refused != cudaSuccess ? refused : query(runtime, stream->last);
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  return call("cudaStreamWaitEvent", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    if (!runtime.events().contains(event)) return runtime.bad_handle("event");
    if (stream->capture != nullptr || event->capture != nullptr) {
      return wait_in_capture(runtime, *stream, *event);
    }
    if (event->operation == nullptr) return cudaSuccess;
    std::vector<OperationPtr> after = runtime.predecessors(*stream);
    after.push_back(event->operation);
    stream->last = runtime.scheduler().enqueue(Work{"cudaStreamWaitEvent", {}, {}, {}},
                                               stream->lane, std::move(after));
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* argument) {
  return call("cudaLaunchHostFunc", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    auto watched = [function, argument] {
      const emulator::tsan::Watched watch;
      function(argument);
    };
    return runtime.submit(*stream, Work{"cudaLaunchHostFunc", watched, {}, {}});
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return create_event("cudaEventCreate", event, cudaEventDefault);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return create_event("cudaEventCreateWithFlags", event, flags);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return call("cudaEventRecord", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    if (!runtime.events().contains(event)) return runtime.bad_handle("event");
    if (stream->capture != nullptr) {
      event->capture = stream->capture;
      event->nodes = stream->capture_tail;
      event->operation = nullptr;
      return cudaSuccess;
    }
    event->capture = nullptr;
    event->nodes.clear();
    const cudaError_t error = runtime.submit(*stream, Work{"cudaEventRecord", {}, {}, {}});
    event->operation = stream->last;
    return error;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call("cudaEventSynchronize", [&](Runtime& runtime) {
    if (!runtime.events().contains(event)) return runtime.bad_handle("event");
    if (event->capture != nullptr) {
      return runtime.error(cudaErrorCapturedEvent, "the event was recorded in a capture");
    }
    if (event->operation != nullptr) runtime.scheduler().run_until(*event->operation);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call("cudaEventQuery", [&](Runtime& runtime) {
    if (!runtime.events().contains(event)) return runtime.bad_handle("event");
    if (event->capture != nullptr) {
      return runtime.error(cudaErrorCapturedEvent, "the event was recorded in a capture");
    }
    return query(runtime, event->operation);
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return call("cudaEventElapsedTime", [&](Runtime& runtime) {
    if (!runtime.events().contains(start) || !runtime.events().contains(end)) {
      return runtime.bad_handle("event");
    }
    if (!start->timing || !end->timing || start->operation == nullptr ||
        end->operation == nullptr) {
      return runtime.error(cudaErrorInvalidResourceHandle,
                           "both events must measure time and must have been recorded");
    }
    if (!start->operation->done || !end->operation->done) {
      return runtime.error(cudaErrorNotReady, "an event is not complete");
    }
    *milliseconds = std::chrono::duration<float, std::milli>(end->operation->finished -
                                                             start->operation->finished)
                        .count();
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return release_call("cudaEventDestroy", [&](Runtime& runtime) {
    if (!runtime.events().contains(event)) return runtime.bad_handle("event");
    runtime.events().remove(event);
    return cudaSuccess;
  });
}
