// Allocation, copies and fills.
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "emulator/fault_handler.h"
#include "emulator/runtime.h"
#include "emulator/runtime_api.h"
#include "emulator/sanitizers.h"

using emulator::call;
using emulator::MemoryKind;
using emulator::release_call;
using emulator::Runtime;
using emulator::Work;

namespace {

/// `height` rows of `width` bytes, `pitch` bytes apart.
struct Region {
  std::byte* begin;
  std::size_t pitch;
  std::size_t width;
  std::size_t height;

  std::byte* row(std::size_t number) const { return begin + number * pitch; }
  std::size_t span() const { return height == 0 ? 0 : (height - 1) * pitch + width; }
};

struct Copy {
  const char* name;
  Region to;
  Region from;
  cudaMemcpyKind kind;
  bool blocking;
};

void copy_rows(const Region& to, const Region& from) {
  const emulator::tsan::Watched watched;
  for (std::size_t row = 0; row < to.height; ++row) {
    std::memcpy(to.row(row), from.row(row), to.width);
  }
}

void fill_rows(const Region& to, int value) {
  for (std::size_t row = 0; row < to.height; ++row) std::memset(to.row(row), value, to.width);
}

cudaError_t allocate(const char* name, MemoryKind kind, void** pointer, std::size_t bytes) {
  return call(name, [&](Runtime& runtime) {
    const cudaError_t refused = runtime.refuse_in_capture(name);
    if (refused != cudaSuccess) return refused;
    emulator::take_over_memory_faults();
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    *pointer = runtime.memory().allocate(kind, bytes);
    if (*pointer != nullptr) return cudaSuccess;
    return runtime.error(cudaErrorMemoryAllocation,
                         std::to_string(bytes) + " bytes asked for, " +
                             std::to_string(runtime.memory().device_bytes()) + " of " +
                             std::to_string(runtime.memory().limit()) + " in use");
  });
}

cudaError_t release(const char* name, MemoryKind kind, void* pointer) {
  return release_call(name, [&](Runtime& runtime) {
    const cudaError_t refused = runtime.refuse_in_capture(name);
    if (refused != cudaSuccess || pointer == nullptr) return refused;
    const cudaError_t finished = runtime.finish_before_release();  // as the driver does
    if (runtime.memory().release(kind, pointer)) return finished;
    return runtime.error(cudaErrorInvalidValue,
                         runtime.memory().describe(pointer) + " is not what this call can free");
  });
}

/// Whether the side of a copy is where its kind says; a pageable host range cannot be checked
/// further.
cudaError_t check_side(Runtime& runtime, const Region& region, bool device, const char* what) {
  const bool on_device = runtime.memory().is(MemoryKind::device, region.begin);
  if (on_device != device) {
    return runtime.error(cudaErrorInvalidValue,
                         std::string(what) +
                             " of the copy: " + runtime.memory().describe(region.begin) +
                             (device ? " is not device memory" : " is not host memory"));
  }
  if (!on_device && runtime.memory().find(region.begin) == nullptr) return cudaSuccess;
  const std::string problem = runtime.memory().range_problem(region.begin, region.span());
  if (problem.empty()) return cudaSuccess;
  return runtime.error(cudaErrorInvalidValue, std::string(what) + " of the copy: " + problem);
}

cudaError_t check_copy(Runtime& runtime, const Copy& copy) {
  if (copy.kind < cudaMemcpyHostToHost || copy.kind > cudaMemcpyDefault) {
    return runtime.error(cudaErrorInvalidMemcpyDirection, "no such copy direction");
  }
  if (copy.to.pitch < copy.to.width || copy.from.pitch < copy.from.width) {
    return runtime.error(cudaErrorInvalidValue, "the pitch is smaller than the width");
  }
  bool to_device = copy.kind == cudaMemcpyHostToDevice || copy.kind == cudaMemcpyDeviceToDevice;
  bool from_device = copy.kind == cudaMemcpyDeviceToHost || copy.kind == cudaMemcpyDeviceToDevice;
  if (copy.kind == cudaMemcpyDefault) {
    to_device = runtime.memory().is(MemoryKind::device, copy.to.begin);
    from_device = runtime.memory().is(MemoryKind::device, copy.from.begin);
  }
  const cudaError_t error = check_side(runtime, copy.to, to_device, "destination");
  return error != cudaSuccess ? error : check_side(runtime, copy.from, from_device, "source");
}

void wait_for(Runtime& runtime, const CUstream_st& stream) {
  if (stream.last != nullptr) runtime.scheduler().run_until(*stream.last);
}

cudaError_t submit_copy(const Copy& copy, cudaStream_t handle) {
  return call(copy.name, [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    if (copy.to.span() == 0 || copy.to.width == 0) return cudaSuccess;
    cudaError_t error = copy.blocking ? runtime.refuse_in_capture(copy.name) : cudaSuccess;
    if (error == cudaSuccess) error = check_copy(runtime, copy);
    if (error != cudaSuccess) return error;

    const bool capturing = stream->capture != nullptr;
    const bool pageable_source = runtime.memory().find(copy.from.begin) == nullptr;
    const bool pageable_target = runtime.memory().find(copy.to.begin) == nullptr;
    Work work;
    work.name = copy.name;
    work.run = [copy] { copy_rows(copy.to, copy.from); };
    if (pageable_source && !capturing) {
      // CUDA stages pageable memory before the call returns.
      auto staged = std::make_shared<std::vector<std::byte>>(copy.from.span());
      const Region source{staged->data(), copy.from.pitch, copy.from.width, copy.from.height};
      copy_rows(source, copy.from);
      work.run = [copy, staged, source] { copy_rows(copy.to, source); };
    } else if (runtime.memory().is(MemoryKind::pinned, copy.from.begin)) {
      work.source = {copy.from.begin, copy.from.span()};
    }
    if (runtime.memory().is(MemoryKind::pinned, copy.to.begin)) {
      // Until the copy has run its target holds nothing that the host may read.
      work.at_enqueue = [&runtime, to = copy.to] {
        if (!runtime.scheduler().will_read(to.begin, to.span())) fill_rows(to, 0xff);
      };
    }
    error = runtime.submit(*stream, std::move(work));
    if (!capturing && (copy.blocking || pageable_target)) wait_for(runtime, *stream);
    return error;
  });
}

cudaError_t submit_fill(const char* name, const Region& to, int value, cudaStream_t handle,
                        bool blocking) {
  return call(name, [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    if (to.span() == 0 || to.width == 0) return cudaSuccess;
    if (blocking) {
      const cudaError_t refused = runtime.refuse_in_capture(name);
      if (refused != cudaSuccess) return refused;
    }
    if (to.pitch < to.width) return runtime.error(cudaErrorInvalidValue, "the pitch is too small");
    const std::string problem = runtime.memory().range_problem(to.begin, to.span());
    if (!problem.empty()) return runtime.error(cudaErrorInvalidValue, problem);
    return runtime.submit(*stream, Work{name,
                                        [to, value] {
                                          const emulator::tsan::Watched watched;
                                          fill_rows(to, value);
                                        },
                                        {},
                                        {}});
  });
}

std::byte* bytes_of(const void* pointer) {
  return static_cast<std::byte*>(const_cast<void*>(pointer));
}

Region line(const void* begin, std::size_t bytes) { return {bytes_of(begin), bytes, bytes, 1}; }

}  // namespace

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return allocate("cudaMalloc", MemoryKind::device, pointer, bytes);
}

cudaError_t cudaFree(void* pointer) { return release("cudaFree", MemoryKind::device, pointer); }

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes, unsigned) {
  return allocate("cudaMallocHost", MemoryKind::pinned, pointer, bytes);
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return allocate("cudaHostAlloc", MemoryKind::pinned, pointer, bytes);
}

cudaError_t cudaFreeHost(void* pointer) {
  return release("cudaFreeHost", MemoryKind::pinned, pointer);
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return submit_copy({"cudaMemcpy", line(to, bytes), line(from, bytes), kind, true}, nullptr);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return submit_copy({"cudaMemcpyAsync", line(to, bytes), line(from, bytes), kind, false}, stream);
}

cudaError_t cudaMemcpy2D(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                         std::size_t width, std::size_t height, cudaMemcpyKind kind) {
  return submit_copy({"cudaMemcpy2D",
                      {bytes_of(to), to_pitch, width, height},
                      {bytes_of(from), from_pitch, width, height},
                      kind,
                      true},
                     nullptr);
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream) {
  return submit_copy({"cudaMemcpy2DAsync",
                      {bytes_of(to), to_pitch, width, height},
                      {bytes_of(from), from_pitch, width, height},
                      kind,
                      false},
                     stream);
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return submit_fill("cudaMemset", line(to, bytes), value, nullptr, true);
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return submit_fill("cudaMemsetAsync", line(to, bytes), value, stream, false);
}

cudaError_t cudaMemset2D(void* to, std::size_t pitch, int value, std::size_t width,
                         std::size_t height) {
  return submit_fill("cudaMemset2D", {bytes_of(to), pitch, width, height}, value, nullptr, true);
}

cudaError_t cudaMemset2DAsync(void* to, std::size_t pitch, int value, std::size_t width,
                              std::size_t height, cudaStream_t stream) {
  return submit_fill("cudaMemset2DAsync", {bytes_of(to), pitch, width, height}, value, stream,
                     false);
}
