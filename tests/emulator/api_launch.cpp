// Kernel launches and what can be asked of kernels.
#include <algorithm>
#include <utility>

#include "emulator/grid.h"
#include "emulator/runtime.h"
#include "emulator/runtime_api.h"
#include "emulator/symbols.h"

namespace emulator {
namespace {

std::size_t dynamic_limit(Runtime& runtime, const void* function) {
  const auto entry = runtime.dynamic_limits().find(function);
  return entry != runtime.dynamic_limits().end() ? entry->second : default_dynamic_bytes;
}

cudaError_t check(Runtime& runtime, const cudaLaunchConfig_t& config, const void* function) {
  const dim3 grid = config.gridDim;
  const dim3 block = config.blockDim;
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  if (threads == 0 || threads > max_threads || block.z > 64) {
    return runtime.error(cudaErrorInvalidConfiguration,
                         "a block has 1 to 1024 threads, at most 64 in z");
  }
  if (blocks == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    return runtime.error(cudaErrorInvalidConfiguration,
                         "a grid has at least 1 block, at most 65535 in y and z");
  }
  const std::size_t limit = dynamic_limit(runtime, function);
  if (config.dynamicSmemBytes > limit) {
    return runtime.error(cudaErrorInvalidValue,
                         std::to_string(config.dynamicSmemBytes) +
                             " bytes of dynamic shared memory, the kernel's limit is " +
                             std::to_string(limit));
  }
  return cudaSuccess;
}

void check_pointers(Runtime& runtime, const KernelCall& kernel) {
  for (const void* pointer : kernel.pointers) {
    if (pointer == nullptr || runtime.memory().find(pointer) != nullptr) continue;
    throw Fault("kernel " + Symbols::of_program().function_name(kernel.function) +
                ": a pointer argument is " + runtime.memory().describe(pointer) +
                ", which a GPU cannot reach");
  }
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& config, KernelCall kernel) {
  return call("cudaLaunchKernelEx", [&](Runtime& runtime) {
    CUstream_st* stream = runtime.stream_of(config.stream);
    if (stream == nullptr) return runtime.bad_handle("stream");
    const cudaError_t error = check(runtime, config, kernel.function);
    if (error != cudaSuccess) return error;
    const bool is_first = runtime.loaded_kernels().insert(kernel.function).second;
    if (is_first && stream->capture != nullptr) ++runtime.counts.loaded_in_captures;
    Work work;
    work.name = "kernel " + Symbols::of_program().function_name(kernel.function);
    work.run = [&runtime, kernel = std::move(kernel), grid = config.gridDim,
                block = config.blockDim, dynamic_bytes = config.dynamicSmemBytes] {
      check_pointers(runtime, kernel);
      const Grid::Counts counts =
          the_grid().run(kernel, grid, block, dynamic_bytes, runtime.next_kernel_seed());
      ++runtime.counts.kernels;
      runtime.counts.blocks += counts.blocks;
      runtime.counts.fiber_switches += counts.fiber_switches;
    };
    return runtime.submit(*stream, std::move(work));
  });
}

}  // namespace emulator

using emulator::call;
using emulator::Runtime;

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return call("cudaFuncSetAttribute", [&](Runtime& runtime) {
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || static_cast<std::size_t>(value) > emulator::max_dynamic_bytes) {
      return runtime.error(cudaErrorInvalidValue, "more shared memory than the device has");
    }
    runtime.dynamic_limits()[function] = static_cast<std::size_t>(value);
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return call("cudaFuncGetAttributes", [&](Runtime& runtime) {
    *attributes = {};
    attributes->maxThreadsPerBlock = emulator::max_threads;
    attributes->maxDynamicSharedSizeBytes =
        static_cast<int>(emulator::dynamic_limit(runtime, function));
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int block_size,
                                                          std::size_t dynamic_bytes) {
  return call("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [&](Runtime& runtime) {
    if (block_size < 1 || block_size > emulator::max_threads) {
      return runtime.error(cudaErrorInvalidValue, "a block has 1 to 1024 threads");
    }
    const int by_threads = 2 * emulator::max_threads / block_size;
    const auto by_memory =
        static_cast<int>(emulator::max_dynamic_bytes / std::max<std::size_t>(dynamic_bytes, 1024));
    *blocks = std::min(by_threads, by_memory);
    return cudaSuccess;
  });
}
