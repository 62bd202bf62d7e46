// The fake runtime: memory, streams, events, graphs, failures.
#include <cuda_profiler_api.h>
#include <cuda_runtime.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "emulator/control.h"
#include "emulator/example_cases.h"
#include "emulator/stream_program.h"
#include "support/catch.h"

using namespace example;

namespace {

constexpr std::uint64_t runtime_seeds = 20;

// Atomic, because some tests look without waiting.
void set_flag(void* flag) { *static_cast<std::atomic<bool>*>(flag) = true; }

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("device memory") {
  emulator::reset(0);
  float* pointer = nullptr;
  REQUIRE(cudaMalloc(&pointer, 10 * sizeof(float)) == cudaSuccess);
  CHECK(reinterpret_cast<std::uintptr_t>(pointer) % 256 == 0);
  std::vector<float> values(10);
  REQUIRE(cudaMemcpy(values.data(), pointer, 40, cudaMemcpyDeviceToHost) == cudaSuccess);
  for (const float value : values) CHECK(std::isnan(value));

  CHECK(cudaMemcpy(values.data(), pointer, 44, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(has(emulator::last_error_text(), "4 bytes past its end"));
  CHECK(cudaMemcpy(pointer, values.data(), 4, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(pointer, values.data(), 4, static_cast<cudaMemcpyKind>(5)) ==
        cudaErrorInvalidMemcpyDirection);
  CHECK(cudaFreeHost(pointer) == cudaErrorInvalidValue);
  CHECK(cudaFree(pointer + 1) == cudaErrorInvalidValue);
  CHECK(emulator::live_objects().device_allocations == 1);
  CHECK(cudaFree(pointer) == cudaSuccess);
  CHECK(cudaFree(pointer) == cudaErrorInvalidValue);
  CHECK(has(emulator::last_error_text(), "of a freed device allocation of 40 bytes"));
  CHECK(cudaMemset(pointer, 0, 4) == cudaErrorInvalidValue);
  CHECK(cudaFree(nullptr) == cudaSuccess);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(emulator::live_objects().total() == 0);
}

TEST_CASE("copies and fills of two dimensions") {
  emulator::reset(0);
  const DeviceArray<int> device(12);
  const std::vector<int> host{1, 2, 3, 4, 5, 6};
  REQUIRE(cudaMemset2D(device.data(), 16, 0, 16, 3) == cudaSuccess);
  REQUIRE(cudaMemcpy2D(device.data(), 16, host.data(), 8, 8, 3, cudaMemcpyHostToDevice) ==
          cudaSuccess);
  CHECK(device.values() == std::vector<int>{1, 2, 0, 0, 3, 4, 0, 0, 5, 6, 0, 0});
  CHECK(cudaMemcpy2D(device.data(), 20, host.data(), 8, 8, 3, cudaMemcpyHostToDevice) ==
        cudaSuccess);
  CHECK(cudaMemcpy2D(device.data(), 24, host.data(), 8, 8, 3, cudaMemcpyHostToDevice) ==
        cudaErrorInvalidValue);
  CHECK(cudaMemcpy2D(device.data(), 4, host.data(), 8, 8, 3, cudaMemcpyHostToDevice) ==
        cudaErrorInvalidValue);
}

TEST_CASE("memory runs out at the limit") {
  emulator::reset(0);
  emulator::set_memory_limit(1000);
  void* first = nullptr;
  void* second = nullptr;
  CHECK(cudaMalloc(&first, 600) == cudaSuccess);
  CHECK(cudaMalloc(&second, 401) == cudaErrorMemoryAllocation);
  CHECK(has(emulator::last_error_text(), "401 bytes asked for, 600 of 1000 in use"));
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  CHECK(cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess);
  CHECK(free_bytes == 400);
  CHECK(total_bytes == 1000);
  CHECK(cudaFree(first) == cudaSuccess);
  CHECK(cudaMalloc(&second, 1000) == cudaSuccess);
  CHECK(cudaFree(second) == cudaSuccess);
}

TEST_CASE("nothing runs before the host waits") {
  for (std::uint64_t seed = 0; seed < runtime_seeds; ++seed) {
    emulator::reset(seed);
    Stream stream;
    std::atomic<bool> ran = false;
    REQUIRE(cudaLaunchHostFunc(stream.get(), set_flag, &ran) == cudaSuccess);
    CHECK(!ran);
    REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
    CHECK(ran);
  }
}

TEST_CASE("queries see work finish in time") {
  for (std::uint64_t seed = 0; seed < runtime_seeds; ++seed) {
    emulator::reset(seed);
    Stream stream;
    Event event;
    std::atomic<bool> ran = false;
    CHECK(cudaEventQuery(event.get()) == cudaSuccess);  // never recorded
    REQUIRE(cudaLaunchHostFunc(stream.get(), set_flag, &ran) == cudaSuccess);
    REQUIRE(cudaEventRecord(event.get(), stream.get()) == cudaSuccess);
    int queries = 0;
    while (cudaEventQuery(event.get()) == cudaErrorNotReady && queries < 1000) ++queries;
    CHECK(queries < 1000);
    CHECK(ran);
    CHECK(cudaStreamQuery(stream.get()) == cudaSuccess);
  }
}

TEST_CASE("streams and events: the right program is right under every schedule") {
  for (std::uint64_t seed = 0; seed < runtime_seeds; ++seed) {
    emulator::reset(seed);
    CAPTURE(seed);
    CHECK(runs_batches(6, Mode::streams));
    CHECK(runs_batches(6, Mode::graph));
    CHECK(emulator::live_objects().total() == 0);
  }
}

TEST_CASE("some schedules let a stream without waits run ahead, others fall behind") {
  int ahead = 0;
  for (std::uint64_t seed = 0; seed < runtime_seeds; ++seed) {
    emulator::reset(seed);
    Stream first;
    Stream second;
    std::atomic<bool> ran = false;
    REQUIRE(cudaLaunchHostFunc(first.get(), set_flag, &ran) == cudaSuccess);
    REQUIRE(emulator::enqueue(second.get(), "nothing", [] {}) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(second.get()) == cudaSuccess);
    if (ran) ++ahead;
    REQUIRE(cudaStreamSynchronize(first.get()) == cudaSuccess);
  }
  CHECK(ahead > 0);
  CHECK(ahead < static_cast<int>(runtime_seeds));
}

TEST_CASE("the default stream is ordered with blocking streams and not with others") {
  int before = 0;
  for (std::uint64_t seed = 1; seed <= runtime_seeds; ++seed) {
    emulator::reset(seed);
    Stream blocking(cudaStreamDefault);
    Stream other;
    std::atomic<bool> ran = false;
    std::atomic<bool> ran_other = false;
    REQUIRE(cudaLaunchHostFunc(blocking.get(), set_flag, &ran) == cudaSuccess);
    REQUIRE(cudaLaunchHostFunc(other.get(), set_flag, &ran_other) == cudaSuccess);
    REQUIRE(emulator::enqueue(nullptr, "nothing", [] {}) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(nullptr) == cudaSuccess);
    CHECK(ran);
    if (ran_other) ++before;
    REQUIRE(cudaDeviceSynchronize() == cudaSuccess);
    CHECK(ran_other);
  }
  CHECK(before < static_cast<int>(runtime_seeds));
}

TEST_CASE("pinned memory is copied late and poisoned early, pageable memory is staged") {
  emulator::reset(0);
  Stream stream;
  PinnedArray pinned(4);
  const DeviceArray<float> device(4);
  std::vector<float> pageable{1, 2, 3, 4};
  REQUIRE(cudaMemcpyAsync(device.data(), pageable.data(), 16, cudaMemcpyHostToDevice,
                          stream.get()) == cudaSuccess);
  pageable[0] = 9;
  pinned[0] = 5;
  REQUIRE(cudaMemcpyAsync(pinned.data(), device.data(), 16, cudaMemcpyDeviceToHost, stream.get()) ==
          cudaSuccess);
#if !defined(__SANITIZE_THREAD__)  // reading it is the race that ThreadSanitizer reports
  CHECK(std::isnan(pinned[0]));
#endif
  REQUIRE(cudaStreamSynchronize(stream.get()) == cudaSuccess);
  CHECK(pinned[0] == 1.0f);
  CHECK(pinned[3] == 4.0f);
}

TEST_CASE("a graph is what was captured, in its streams' order") {
  emulator::reset(3);
  Stream origin;
  Stream side;
  Event fork;
  Event join;
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamBeginCapture(origin.get(), cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  // Atomic, because nothing orders the two streams' notes.
  std::atomic<int> next = 0;
  std::array<std::atomic<int>, 4> place{};
  const auto note = [&](cudaStream_t stream, std::size_t which) {
    const auto take_place = [&next, &place, which] { place[which] = ++next; };
    REQUIRE(emulator::enqueue(stream, "note", take_place) == cudaSuccess);
  };
  note(origin.get(), 0);
  REQUIRE(cudaEventRecord(fork.get(), origin.get()) == cudaSuccess);
  REQUIRE(cudaStreamWaitEvent(side.get(), fork.get()) == cudaSuccess);
  note(side.get(), 1);
  note(origin.get(), 2);

  SECTION("not joined") {
    CHECK(cudaStreamEndCapture(origin.get(), &graph) == cudaErrorStreamCaptureUnjoined);
    CHECK(graph == nullptr);
  }
  SECTION("a call that waits") {
    CHECK(cudaDeviceSynchronize() == cudaErrorStreamCaptureUnsupported);
    CHECK(cudaStreamEndCapture(origin.get(), &graph) == cudaErrorStreamCaptureInvalidated);
  }
  SECTION("an event from outside") {
    Event outside;
    CHECK(cudaStreamWaitEvent(origin.get(), outside.get()) == cudaErrorStreamCaptureIsolation);
    CHECK(cudaStreamEndCapture(origin.get(), &graph) == cudaErrorStreamCaptureInvalidated);
  }
  SECTION("ended in the wrong stream") {
    CHECK(cudaStreamEndCapture(side.get(), &graph) == cudaErrorStreamCaptureUnmatched);
    CHECK(cudaStreamEndCapture(origin.get(), &graph) == cudaErrorStreamCaptureUnjoined);
  }
  SECTION("joined") {
    REQUIRE(cudaEventRecord(join.get(), side.get()) == cudaSuccess);
    REQUIRE(cudaStreamWaitEvent(origin.get(), join.get()) == cudaSuccess);
    note(origin.get(), 3);
    REQUIRE(cudaStreamEndCapture(origin.get(), &graph) == cudaSuccess);
    CHECK(next == 0);
    std::size_t nodes = 0;
    CHECK(cudaGraphGetNodes(graph, nullptr, &nodes) == cudaSuccess);
    CHECK(nodes == 4);
    cudaGraphExec_t executable = nullptr;
    REQUIRE(cudaGraphInstantiate(&executable, graph) == cudaSuccess);
    CHECK(cudaGraphDestroy(graph) == cudaSuccess);
    CHECK(cudaGraphUpload(executable, origin.get()) == cudaSuccess);
    bool in_order = false;
    bool reordered = false;
    for (int launch = 0; launch < 20; ++launch) {
      next = 0;
      REQUIRE(cudaGraphLaunch(executable, origin.get()) == cudaSuccess);
      REQUIRE(cudaStreamSynchronize(origin.get()) == cudaSuccess);
      CHECK(next == 4);
      CHECK(place[0] == 1);
      CHECK(place[3] == 4);
      (place[1] < place[2] ? in_order : reordered) = true;
    }
    CHECK(in_order);
    CHECK(reordered);
    CHECK(cudaGraphExecDestroy(executable) == cudaSuccess);
    CHECK(cudaGraphLaunch(executable, origin.get()) == cudaErrorInvalidResourceHandle);
  }
}

TEST_CASE("events measure time and destroyed handles are refused") {
  emulator::reset(0);
  Event start;
  Event end;
  cudaEvent_t untimed = nullptr;
  float milliseconds = -1;
  REQUIRE(cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start.get(), end.get()) ==
        cudaErrorInvalidResourceHandle);
  REQUIRE(cudaEventRecord(start.get()) == cudaSuccess);
  REQUIRE(cudaEventRecord(end.get()) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start.get(), end.get()) == cudaErrorNotReady);
  REQUIRE(cudaEventSynchronize(end.get()) == cudaSuccess);
  CHECK(cudaEventElapsedTime(&milliseconds, start.get(), end.get()) == cudaSuccess);
  CHECK(milliseconds >= 0);
  CHECK(cudaEventElapsedTime(&milliseconds, untimed, end.get()) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventDestroy(untimed) == cudaSuccess);
  CHECK(cudaEventDestroy(untimed) == cudaErrorInvalidResourceHandle);
  CHECK(cudaEventRecord(untimed) == cudaErrorInvalidResourceHandle);
}

TEST_CASE("every call of a program can fail, and nothing is left behind") {
  for (const Mode mode : {Mode::streams, Mode::graph}) {
    emulator::reset(0);
    REQUIRE(runs_batches(3, mode));
    const std::vector<std::string> names = emulator::call_names();
    REQUIRE(names.size() == emulator::call_count());
    REQUIRE(names.size() > 20);
    for (std::uint64_t number = 1; number <= names.size(); ++number) {
      for (const auto failure : {emulator::Failure::once, emulator::Failure::sticky}) {
        emulator::reset(number);
        emulator::fail_call(number, cudaErrorLaunchFailure, failure);
        CAPTURE(number, names[number - 1]);
        const bool frees = has(names[number - 1], "Free") || has(names[number - 1], "Destroy");
        std::string thrown = "nothing";
        try {
          runs_batches(3, mode);
        } catch (const std::runtime_error& error) {
          thrown = error.what();
        }
        // A destructor has nobody to tell; where every later call fails too, one of them may tell.
        const bool silent = frees && thrown == "nothing";
        CHECK((silent || thrown == "cudaErrorLaunchFailure"));
        CHECK(emulator::live_objects().total() == 0);
      }
    }
  }
  emulator::reset(0);
  CHECK(runs_batches(3, Mode::streams));
}

TEST_CASE("a fault that a destructor ran into is thrown by the next call") {
  emulator::reset(0);
  {
    const DeviceArray<int> in(32);
    const DeviceArray<int> sums(32);
    const DeviceArray<int> odd(32);
    run(warp_scan<Bug::mask_names_exited_lane>, 1, 32, 0, nullptr, in.data(), sums.data(),
        odd.data());
  }
  CHECK(emulator::live_objects().total() == 0);
  CHECK_THROWS_AS(cudaDeviceSynchronize(), emulator::Fault);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

TEST_CASE("machines without a device or a driver") {
  emulator::reset(0);
  int count = -1;
  emulator::set_device_count(0);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(cudaSetDevice(0) == cudaErrorNoDevice);
  emulator::reset(0);
  for (const cudaError_t error : {cudaErrorInsufficientDriver, cudaErrorStubLibrary}) {
    emulator::break_driver(error);
    count = -1;
    CHECK(cudaGetDeviceCount(&count) == error);
    CHECK(count == -1);
    int version = -1;
    CHECK(cudaDriverGetVersion(&version) == cudaSuccess);
    CHECK(version == 0);
  }
  emulator::reset(0);
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 1);
  CHECK(cudaSetDevice(1) == cudaErrorInvalidDevice);
}

TEST_CASE("properties of the device and names of errors") {
  emulator::reset(0);
  cudaDeviceProp properties{};
  REQUIRE(cudaGetDeviceProperties(&properties, 0) == cudaSuccess);
  CHECK(std::string(properties.name) == "hourglass emulator");
  int value = 0;
  CHECK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0) == cudaSuccess);
  CHECK(value == properties.multiProcessorCount);
  CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&value, sum_blocks<Bug::none>, 256, 0) ==
        cudaSuccess);
  CHECK(value == 8);
  CHECK(cudaProfilerStart() == cudaSuccess);
  CHECK(cudaProfilerStop() == cudaSuccess);
  CHECK(std::string(cudaGetErrorName(cudaErrorMemoryAllocation)) == "cudaErrorMemoryAllocation");
  CHECK(std::string(cudaGetErrorString(cudaErrorMemoryAllocation)) == "out of memory");
}

TEST_CASE("reset refuses to forget objects that are alive") {
  emulator::reset(0);
  {
    Stream stream;
    CHECK_THROWS_AS(emulator::reset(1), std::logic_error);
  }
  CHECK_NOTHROW(emulator::reset(1));
}
