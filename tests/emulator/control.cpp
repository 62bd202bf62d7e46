#include "emulator/control.h"

#include <utility>

#include "emulator/runtime.h"
#include "emulator/sanitizers.h"

namespace emulator {

void reset(std::uint64_t seed) {
  CallScope scope(Runtime::instance());
  Runtime::instance().reset(seed);
}

void fail_call(std::uint64_t number, cudaError_t error, Failure failure) {
  Runtime& runtime = Runtime::instance();
  CallScope scope(runtime);
  runtime.fail_number = runtime.call_names.size() + number;
  runtime.fail_error = error;
  runtime.fail_mode = failure;
}

std::uint64_t call_count() { return call_names().size(); }

std::vector<std::string> call_names() {
  CallScope scope(Runtime::instance());
  return Runtime::instance().call_names;
}

std::string last_error_text() {
  CallScope scope(Runtime::instance());
  return Runtime::instance().error_text;
}

LiveObjects live_objects() {
  CallScope scope(Runtime::instance());
  return Runtime::instance().live_objects();
}

void set_memory_limit(std::size_t bytes) {
  CallScope scope(Runtime::instance());
  Runtime::instance().memory().set_limit(bytes);
}

void set_device_count(int count) {
  CallScope scope(Runtime::instance());
  Runtime::instance().device_count = count;
}

void break_driver(cudaError_t error) {
  CallScope scope(Runtime::instance());
  Runtime::instance().driver_error = error;
}

void protect_device_memory(bool protect) {
  CallScope scope(Runtime::instance());
  Runtime::instance().memory().set_protected(protect);
}

cudaError_t enqueue(cudaStream_t handle, std::string name, std::function<void()> function) {
  return call("emulator::enqueue", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(handle);
    if (stream == nullptr) return runtime.bad_handle("stream");
    auto watched = [function = std::move(function)] {
      const tsan::Watched watch;
      function();
    };
    return runtime.submit(*stream, Work{std::move(name), std::move(watched), {}, {}});
  });
}

Statistics statistics() {
  CallScope scope(Runtime::instance());
  return Runtime::instance().counts;
}

}  // namespace emulator
