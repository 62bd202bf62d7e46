// The state behind the fake runtime calls, and what every call does first and last.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "emulator/control.h"
#include "emulator/memory.h"
#include "emulator/objects.h"
#include "emulator/operations.h"
#include "emulator/sanitizers.h"

namespace emulator {

/// Objects by their handles, so that a handle already destroyed is recognised.
template <class T>
class Registry {
 public:
  T* add(std::unique_ptr<T> object) {
    T* handle = object.get();
    objects_.emplace(handle, std::move(object));
    return handle;
  }
  bool contains(T* handle) const { return objects_.contains(handle); }
  void remove(T* handle) { objects_.erase(handle); }
  std::size_t size() const { return objects_.size(); }
  auto begin() const { return objects_.begin(); }
  auto end() const { return objects_.end(); }

 private:
  std::map<T*, std::unique_ptr<T>> objects_;
};

class Runtime {
 public:
  static Runtime& instance();

  Memory& memory() { return memory_; }
  Scheduler& scheduler() { return scheduler_; }
  Registry<CUstream_st>& streams() { return streams_; }
  Registry<CUevent_st>& events() { return events_; }
  Registry<CUgraph_st>& graphs() { return graphs_; }
  Registry<CUgraphExec_st>& executables() { return executables_; }
  std::map<const void*, std::size_t>& dynamic_limits() { return dynamic_limits_; }
  std::set<const void*>& loaded_kernels() { return loaded_kernels_; }
  std::recursive_mutex& mutex() { return mutex_; }

  /// The stream of a handle: the default stream for nullptr; nullptr if there is no such stream.
  CUstream_st* stream_of(cudaStream_t handle);
  std::unique_ptr<CUstream_st> make_stream(bool blocking);
  /// Enqueues work in a stream, or adds it to the stream's capture.
  cudaError_t submit(CUstream_st& stream, Work work);
  /// What an operation of this stream comes after: its last one, and the default stream's rules.
  std::vector<OperationPtr> predecessors(const CUstream_st& stream) const;
  /// An error if some stream is being captured: for calls that a capture does not allow.
  cudaError_t refuse_in_capture(const char* call);
  std::uint64_t next_kernel_seed();
  /// Runs everything, for a call that frees and is often made by a destructor: a Fault is not
  /// thrown now but by the next call that is not of this kind.
  cudaError_t finish_before_release();

  /// Counts a call; an injected error or that of a broken driver, or cudaSuccess.
  cudaError_t begin_call(const char* name, bool needs_driver);
  void throw_late_fault();
  cudaError_t end_call(cudaError_t result);
  /// Notes what was wrong; returns the error.
  cudaError_t error(cudaError_t code, std::string text);
  cudaError_t bad_handle(const char* what);

  void reset(std::uint64_t seed);
  LiveObjects live_objects() const;

  // Plain settings and counters.
  std::string error_text;
  cudaError_t last_error = cudaSuccess;
  int device_count = 1;
  cudaError_t driver_error = cudaSuccess;
  std::vector<std::string> call_names;
  std::vector<NamedRange> named_ranges;
  std::vector<std::size_t> open_ranges;  ///< pushed and not popped: places in named_ranges
  std::uint64_t fail_number = 0;         ///< 0: none
  cudaError_t fail_error = cudaSuccess;
  Failure fail_mode = Failure::once;
  Statistics counts;

 private:
  Runtime();
  void run_operation(const Operation& operation);

  Memory memory_;
  Scheduler scheduler_;
  Registry<CUstream_st> streams_;
  Registry<CUevent_st> events_;
  Registry<CUgraph_st> graphs_;
  Registry<CUgraphExec_st> executables_;
  std::unique_ptr<CUstream_st> default_stream_;
  std::map<const void*, std::size_t> dynamic_limits_;
  std::set<const void*> loaded_kernels_;  ///< those launched since the last reset
  std::exception_ptr late_fault_;
  std::uint64_t lanes_made_ = 0;
  std::uint64_t seed_ = 0;
  Random kernel_seeds_;
  std::recursive_mutex mutex_;
};

/// For the length of one runtime call: the lock; at its end device memory is closed to the host
/// again.
class CallScope {
 public:
  explicit CallScope(Runtime& runtime) : runtime_(runtime), lock_(runtime.mutex()) {}
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  Runtime& runtime_;
  std::lock_guard<std::recursive_mutex> lock_;
  tsan::Unwatched unwatched_;
};

/// The frame of every runtime call.
template <class Body>
cudaError_t call(const char* name, Body body, bool needs_driver = true) {
  Runtime& runtime = Runtime::instance();
  CallScope scope(runtime);
  runtime.throw_late_fault();
  const cudaError_t early = runtime.begin_call(name, needs_driver);
  return runtime.end_call(early != cudaSuccess ? early : body(runtime));
}

/// The frame of a call that frees or destroys: it does so even if an error is injected, as the
/// caller has no second chance.
template <class Body>
cudaError_t release_call(const char* name, Body body) {
  Runtime& runtime = Runtime::instance();
  CallScope scope(runtime);
  const cudaError_t early = runtime.begin_call(name, true);
  const cudaError_t result = body(runtime);
  return runtime.end_call(early != cudaSuccess ? early : result);
}

}  // namespace emulator
