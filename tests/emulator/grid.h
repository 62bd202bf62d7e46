// Runs one kernel launch: block after block on the calling thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "emulator/block.h"
#include "emulator/launch.h"

namespace emulator {

/// Shared memory that a kernel may ask for at its launch: without and with cudaFuncSetAttribute.
constexpr std::size_t default_dynamic_bytes = 48 * 1024;
constexpr std::size_t max_dynamic_bytes = 227 * 1024;

/// The dynamic shared memory of the running block. It ends where an unmapped page begins.
class DynamicMemory {
 public:
  DynamicMemory();
  ~DynamicMemory();
  DynamicMemory(const DynamicMemory&) = delete;
  DynamicMemory& operator=(const DynamicMemory&) = delete;

  /// Makes room for `bytes`, all bits set.
  void prepare(std::size_t bytes);
  void* begin() const { return begin_; }
  bool is_guard(const void* address) const;

 private:
  std::byte* mapping_;
  std::byte* begin_;
};

class Grid {
 public:
  struct Counts {
    std::uint64_t blocks = 0;
    std::uint64_t fiber_switches = 0;
  };

  /// Runs every block; `seed` shuffles blocks and threads, 0 runs them in order. Throws Fault.
  Counts run(const KernelCall& call, dim3 grid, dim3 block, std::size_t dynamic_bytes,
             std::uint64_t seed);

  WorkerPool& pool() { return pool_; }
  DynamicMemory& dynamic_memory() { return dynamic_memory_; }

 private:
  WorkerPool pool_;
  DynamicMemory dynamic_memory_;
};

/// The one grid of the process: CUDA's device functions have no argument to find another by.
Grid& the_grid();

}  // namespace emulator
