// How tests steer the emulator and look into it. Not part of CUDA; only tests and the plain twins
// of library wrappers include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "emulator/runtime_types.h"

namespace emulator {

/// A kernel broke a rule: thrown by the call that waited for it (a synchronisation, a query, a
/// copy). The text names kernel, block, thread and source line. Everything still queued is dropped.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Back to the state of a fresh process with this seed: default device, no injected failure,
/// counters at 0. Queued operations are dropped. Throws std::logic_error if objects are still
/// alive. Seed 0 runs threads, blocks and streams in order; every other seed is one shuffled
/// schedule.
void reset(std::uint64_t seed = 0);

/// How often a failure is injected.
enum class Failure {
  once,    ///< one call fails, the next ones work
  sticky,  ///< every call fails from then on, as after an illegal address on a GPU
};

/// Makes runtime call number `number` (1 = the next one) fail with `error`. The call then has no
/// effect, except that a call which frees or destroys still does.
void fail_call(std::uint64_t number, cudaError_t error, Failure failure = Failure::once);

/// Runtime calls since the last reset; cudaGetLastError and the functions that name errors not
/// counted.
std::uint64_t call_count();
/// Their names, in order.
std::vector<std::string> call_names();

inline constexpr std::uint64_t not_ended = ~std::uint64_t{0};

/// A named range of the host's time (NVTX).
struct NamedRange {
  std::string path;          ///< of a pushed range: behind the names of those around it, with "/"
  std::uint64_t first_call;  ///< runtime calls before its begin
  std::uint64_t end_call;    ///< and before its end, or `not_ended`
};
/// Those since the last reset, in the order of their begins.
std::vector<NamedRange> named_ranges();

/// What was wrong with the last call that did not return cudaSuccess.
std::string last_error_text();

/// Objects that were made and not yet freed or destroyed.
struct LiveObjects {
  std::size_t device_allocations = 0;
  std::size_t host_allocations = 0;
  std::size_t streams = 0;
  std::size_t events = 0;
  std::size_t graphs = 0;
  std::size_t graph_executables = 0;

  std::size_t total() const {
    return device_allocations + host_allocations + streams + events + graphs + graph_executables;
  }
};
LiveObjects live_objects();

/// Bytes that cudaMalloc can give out in all. Default: 8 GiB.
void set_memory_limit(std::size_t bytes);
/// Devices that cudaGetDeviceCount reports; with 0 it returns cudaErrorNoDevice. Default: 1.
void set_device_count(int count);
/// Every call that needs a driver returns this error and leaves its outputs untouched; cudaSuccess
/// mends it. For machines without a driver (35), with the stub library (34).
void break_driver(cudaError_t error);
/// Whether host code that touches device memory faults. Default: yes.
void protect_device_memory(bool protect);

/// Enqueues host code as an operation of a stream, ordered and captured like a kernel: for the
/// plain twin of a library call. The function may touch device memory.
cudaError_t enqueue(cudaStream_t stream, std::string name, std::function<void()> function);

/// Counts since the last reset.
struct Statistics {
  std::uint64_t kernels = 0;
  std::uint64_t blocks = 0;
  std::uint64_t operations = 0;
  std::uint64_t fiber_switches = 0;
  /// Kernels whose first launch was in a capture: a GPU would load them there, which a capture may
  /// not allow.
  std::uint64_t loaded_in_captures = 0;
};
Statistics statistics();

}  // namespace emulator
