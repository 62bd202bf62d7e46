// Kernels on the emulator: right ones give right results under every schedule.
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "emulator/control.h"
#include "emulator/example_cases.h"
#include "support/catch.h"

using namespace example;

namespace {

constexpr std::uint64_t seeds = 20;

__global__ void note_order(unsigned* next, int* thread_at) {
  const unsigned place = atomicAdd(next, 1u);
  thread_at[place] = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}

std::vector<int> order_with(std::uint64_t seed) {
  emulator::reset(seed);
  const DeviceArray<unsigned> next(std::vector<unsigned>{0});
  const DeviceArray<int> order(96);
  run(note_order, 3, 32, 0, nullptr, next.data(), order.data());
  return order.values();
}

__global__ void count_visits(int* visits) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  atomicAdd(&visits[block * blockDim.x * blockDim.y * blockDim.z + thread], 1);
}

/// Two halves of a warp that go their own ways at the same time, and other uses of the warp
/// operations.
__global__ void use_warp(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
  int sum = lane;
  for (int offset = 8; offset > 0; offset /= 2) sum += __shfl_xor_sync(half, sum, offset);
  out[lane] = sum;
  out[32 + lane] = __shfl_sync(all_lanes, lane, 3, 8);
  out[64 + lane] = static_cast<int>(__shfl_up_sync(all_lanes, static_cast<double>(lane), 1, 16));
  out[96 + lane] = __any_sync(half, lane == 20) * 2 + __all_sync(half, lane < 16);
  out[128 + lane] = __reduce_add_sync(all_lanes, lane - 16);
  __syncwarp(half);
}

__global__ void use_atomics(unsigned long long* sum, int* highest, unsigned* lowest,
                            unsigned* cycle, float* total, int* taken) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(sum, 1ull << 32);
  atomicMax(highest, i);
  atomicMin(lowest, static_cast<unsigned>(i) + 5u);
  atomicInc(cycle, 9u);
  atomicAdd(total, 1.0f);
  if (atomicCAS(taken, 0, 1) == 0) atomicExch(taken, 7);
}

}  // namespace

TEST_CASE("right kernels are right under every schedule") {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    emulator::reset(seed);
    CAPTURE(seed);
    for (const int n : {1, 31, 33, 128, 1000}) {
      CHECK(sums_blocks<Bug::none>(n));
      CHECK(sums_in_last_block<Bug::none>(n));
    }
    CHECK(transposes<Bug::none>(1, 1));
    CHECK(transposes<Bug::none>(40, 33));
    CHECK(multiplies<float, Bug::none>(17, 18, 40));
    CHECK(multiplies<double, Bug::none>(1, 16, 15));
    CHECK(sums_in_warp_tree<Bug::none>());
    CHECK(reverses<Bug::none>(33));
    CHECK(scans<Bug::none>(64));
    CHECK(doubles_quads<Bug::none>(64));
    CHECK(recurses<Bug::none>());
  }
}

TEST_CASE("seeds choose the schedule and repeat it") {
  std::vector<int> in_order(96);
  std::iota(in_order.begin(), in_order.end(), 0);
  CHECK(order_with(0) == in_order);
  CHECK(order_with(1) != in_order);
  CHECK(order_with(1) == order_with(1));
  CHECK(order_with(1) != order_with(2));
  std::vector<int> sorted = order_with(3);
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == in_order);
}

TEST_CASE("every thread of a three-dimensional grid runs once") {
  emulator::reset(4);
  const DeviceArray<int> visits(std::vector<int>(2 * 3 * 4 * 5 * 2 * 3));
  run(count_visits, dim3(2, 3, 4), dim3(5, 2, 3), 0, nullptr, visits.data());
  CHECK(visits.values() == std::vector<int>(2 * 3 * 4 * 5 * 2 * 3, 1));
  CHECK(emulator::statistics().blocks == 24);
}

TEST_CASE("warp operations") {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    emulator::reset(seed);
    const DeviceArray<int> out(160);
    run(use_warp, 1, 32, 0, nullptr, out.data());
    const std::vector<int> values = out.values();
    for (std::size_t lane = 0; lane < 32; ++lane) {
      const int number = static_cast<int>(lane);
      CHECK(values[lane] == (lane < 16 ? 120 : 376));
      CHECK(values[32 + lane] == number / 8 * 8 + 3);
      CHECK(values[64 + lane] == (lane % 16 == 0 ? number : number - 1));
      CHECK(values[96 + lane] == (lane < 16 ? 1 : 2));
      CHECK(values[128 + lane] == -16);
    }
  }
}

TEST_CASE("atomics") {
  emulator::reset(5);
  const DeviceArray<unsigned long long> sum(std::vector<unsigned long long>{1});
  const DeviceArray<int> highest(std::vector<int>{-1});
  const DeviceArray<unsigned> lowest(std::vector<unsigned>{100});
  const DeviceArray<unsigned> cycle(std::vector<unsigned>{0});
  const DeviceArray<float> total(std::vector<float>{0});
  const DeviceArray<int> taken(std::vector<int>{0});
  run(use_atomics, 2, 32, 0, nullptr, sum.data(), highest.data(), lowest.data(), cycle.data(),
      total.data(), taken.data());
  CHECK(sum.values()[0] == (64ull << 32) + 1);
  CHECK(highest.values()[0] == 63);
  CHECK(lowest.values()[0] == 5);
  CHECK(cycle.values()[0] == 4);
  CHECK(total.values()[0] == 64.0f);
  CHECK(taken.values()[0] == 7);
}

TEST_CASE("bfloat16 conversion rounds to nearest even") {
  const auto bits = [](float value) { return __bfloat16_as_ushort(__float2bfloat16_rn(value)); };
  CHECK(bits(1.0f) == 0x3f80);
  CHECK(bits(__uint_as_float(0x3f808000)) == 0x3f80);  // halfway, to even
  CHECK(bits(__uint_as_float(0x3f818000)) == 0x3f82);
  CHECK(bits(__uint_as_float(0x3f808001)) == 0x3f81);
  CHECK(bits(-0.0f) == 0x8000);
  CHECK(bits(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK(bits(std::numeric_limits<float>::quiet_NaN()) == 0x7fff);
  int changed = 0;
  for (unsigned word = 0; word < 0x10000; ++word) {
    const auto value = __ushort_as_bfloat16(static_cast<unsigned short>(word));
    const bool is_nan = (word & 0x7fffu) > 0x7f80u;
    if (!is_nan && bits(__bfloat162float(value)) != word) ++changed;
  }
  CHECK(changed == 0);
  const float2 pair = __bfloat1622float2(__floats2bfloat162_rn(1.5f, -2.0f));
  CHECK(pair.x == 1.5f);
  CHECK(pair.y == -2.0f);
}

TEST_CASE("a fault names kernel, block, thread and line, and leaves the emulator usable") {
  emulator::reset(0);
  std::string text;
  try {
    // Without a barrier before it in the program: the first thing that ThreadSanitizer could
    // report.
    scans<Bug::mask_names_exited_lane>(32);
  } catch (const emulator::Fault& fault) {
    text = fault.what();
  }
  CAPTURE(text);
  CHECK(text.find("kernel void example::warp_scan<") != std::string::npos);
  CHECK(text.find("block (0,0,0), thread (31,0,0)") != std::string::npos);
  CHECK(text.find("example_kernels.cuh:") != std::string::npos);
  CHECK(emulator::live_objects().total() == 0);
  CHECK(scans<Bug::none>(32));
}

TEST_CASE("launches are checked against the device's limits") {
  emulator::reset(0);
  const DeviceArray<int> data(std::vector<int>(2048));
  cudaLaunchConfig_t config{};
  config.gridDim = 1;
  const auto launch = [&] {
    return cudaLaunchKernelEx(&config, reverse<Bug::none>, data.data(), data.data());
  };
  config.blockDim = 1025;
  CHECK(launch() == cudaErrorInvalidConfiguration);
  config.blockDim = dim3(1, 1, 65);
  CHECK(launch() == cudaErrorInvalidConfiguration);
  config.blockDim = 32;
  config.gridDim = dim3(1, 65536);
  CHECK(launch() == cudaErrorInvalidConfiguration);
  config.gridDim = 0;
  CHECK(launch() == cudaErrorInvalidConfiguration);
  config.gridDim = 1;
  config.dynamicSmemBytes = 49 * 1024;
  CHECK(launch() == cudaErrorInvalidValue);
  CHECK(emulator::last_error_text().find("50176 bytes") != std::string::npos);
  CHECK(cudaFuncSetAttribute(reverse<Bug::none>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             64 * 1024) == cudaSuccess);
  CHECK(launch() == cudaSuccess);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

TEST_CASE("programmatic dependent launch is accepted") {
  emulator::reset(0);
  const DeviceArray<float> x(numbers<float>(128));
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = 1;
  config.blockDim = 32;
  config.attrs = &attribute;
  config.numAttrs = 1;
  CHECK(cudaLaunchKernelEx(&config, double_quads<Bug::none>, x.data(), x.data(), 32) ==
        cudaSuccess);
  CHECK(x.values()[0] == 2 * numbers<float>(1)[0]);
}

TEST_CASE("device functions outside a kernel are refused") {
  emulator::reset(0);
  CHECK_THROWS_AS(__syncthreads(), emulator::Fault);
  CHECK_THROWS_AS(dynamic_shared<int>(), emulator::Fault);
}
