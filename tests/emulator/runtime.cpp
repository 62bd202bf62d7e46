#include "emulator/runtime.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "emulator/fault_handler.h"

namespace emulator {

Runtime& Runtime::instance() {
  static Runtime runtime;
  return runtime;
}

Runtime::Runtime()
    : scheduler_([this](const Operation& operation) { run_operation(operation); }),
      default_stream_(make_stream(true)) {}

void Runtime::run_operation(const Operation& operation) {
  if (!operation.work.run) return;
  take_over_memory_faults();
  memory_.open(true);
  operation.work.run();
  ++counts.operations;
  const std::string damage = memory_.overwritten();
  if (!damage.empty()) throw Fault(operation.work.name + " wrote " + damage);
}

CallScope::~CallScope() {
  if (!runtime_.scheduler().running()) runtime_.memory().open(false);
}

CUstream_st* Runtime::stream_of(cudaStream_t handle) {
  if (handle == nullptr) return default_stream_.get();
  return streams_.contains(handle) ? handle : nullptr;
}

std::unique_ptr<CUstream_st> Runtime::make_stream(bool blocking) {
  auto stream = std::make_unique<CUstream_st>();
  stream->lane = std::make_shared<Lane>(lanes_made_++);
  stream->blocking = blocking;
  return stream;
}

std::vector<OperationPtr> Runtime::predecessors(const CUstream_st& stream) const {
  std::vector<OperationPtr> result{stream.last};
  if (&stream == default_stream_.get()) {
    for (const auto& [handle, other] : streams_) {
      if (other->blocking) result.push_back(other->last);
    }
  } else if (stream.blocking) {
    result.push_back(default_stream_->last);
  }
  return result;
}

cudaError_t Runtime::submit(CUstream_st& stream, Work work) {
  if (stream.capture == nullptr) {
    stream.last = scheduler_.enqueue(std::move(work), stream.lane, predecessors(stream));
    return cudaSuccess;
  }
  std::vector<Node>& nodes = stream.capture->nodes;
  nodes.push_back(Node{std::move(work), stream.lane, stream.capture_tail});
  stream.capture_tail = {nodes.size() - 1};
  return cudaSuccess;
}

cudaError_t Runtime::refuse_in_capture(const char* name) {
  for (const auto& [handle, stream] : streams_) {
    if (stream->capture == nullptr) continue;
    stream->capture->valid = false;
    return error(cudaErrorStreamCaptureUnsupported,
                 std::string(name) + " is not allowed while a stream is being captured");
  }
  return cudaSuccess;
}

std::uint64_t Runtime::next_kernel_seed() { return seed_ == 0 ? 0 : kernel_seeds_.next() | 1; }

cudaError_t Runtime::finish_before_release() {
  try {
    scheduler_.run_all();
    return cudaSuccess;
  } catch (const Fault& fault) {
    late_fault_ = std::current_exception();
    return error(cudaErrorLaunchFailure, fault.what());
  }
}

void Runtime::throw_late_fault() {
  if (late_fault_ != nullptr) std::rethrow_exception(std::exchange(late_fault_, nullptr));
}

cudaError_t Runtime::begin_call(const char* name, bool needs_driver) {
  if (scheduler_.running()) {
    throw Fault(std::string(name) + " was called by an operation of a stream");
  }
  call_names.emplace_back(name);
  error_text.clear();
  const std::uint64_t number = call_names.size();
  const bool injected =
      fail_number != 0 &&
      (number == fail_number || (number > fail_number && fail_mode == Failure::sticky));
  if (injected) {
    return error(fail_error, "injected into call " + std::to_string(number) + ", " + name);
  }
  if (needs_driver && driver_error != cudaSuccess) return error(driver_error, "no driver");
  return cudaSuccess;
}

cudaError_t Runtime::end_call(cudaError_t result) {
  if (result != cudaSuccess) last_error = result;
  return result;
}

cudaError_t Runtime::error(cudaError_t code, std::string text) {
  error_text = std::move(text);
  return code;
}

cudaError_t Runtime::bad_handle(const char* what) {
  return error(cudaErrorInvalidResourceHandle,
               std::string("no such ") + what + ": it was destroyed or never made");
}

void Runtime::reset(std::uint64_t seed) {
  const LiveObjects live = live_objects();
  if (live.total() > 0) {
    throw std::logic_error("emulator::reset with " + std::to_string(live.total()) +
                           " objects alive");
  }
  throw_late_fault();
  scheduler_.drop_all();
  scheduler_.seed(seed);
  lanes_made_ = 0;
  default_stream_ = make_stream(true);
  dynamic_limits_.clear();
  loaded_kernels_.clear();
  seed_ = seed;
  kernel_seeds_ = Random(seed);
  error_text.clear();
  last_error = cudaSuccess;
  device_count = 1;
  driver_error = cudaSuccess;
  call_names.clear();
  named_ranges.clear();
  open_ranges.clear();
  fail_number = 0;
  counts = {};
  memory_.forget_released();
  memory_.set_limit(std::size_t{8} << 30);
  memory_.set_protected(true);
}

LiveObjects Runtime::live_objects() const {
  LiveObjects live;
  live.device_allocations = memory_.live_count(MemoryKind::device);
  live.host_allocations = memory_.live_count(MemoryKind::pinned);
  live.streams = streams_.size();
  live.events = events_.size();
  live.graphs = graphs_.size();
  live.graph_executables = executables_.size();
  return live;
}

}  // namespace emulator
