// The device functions of include/emulator/device.h and atomics.h, handed to the running block.
#include "emulator/device.h"

#include "emulator/atomics.h"
#include "emulator/block.h"
#include "emulator/grid.h"
#include "emulator/sanitizers.h"

namespace emulator {

void block_barrier(Where where) {
  const tsan::Unwatched unwatched;
  Block::of_device_function("__syncthreads").barrier(where);
}

std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value,
                             int source_lane, Where where) {
  const tsan::Unwatched unwatched;
  return Block::of_device_function("a warp operation")
      .warp_operation(operation, mask, value, source_lane, where);
}

void memory_fence() {
  const tsan::Unwatched unwatched;
  Block::of_device_function("__threadfence").fence();
}

int lane() { return Block::of_device_function("a warp operation").thread().number % 32; }

void* dynamic_shared_memory() {
  Block::of_device_function("dynamic_shared");
  return the_grid().dynamic_memory().begin();
}

void before_atomic(const void* address) {
  const tsan::Unwatched unwatched;
  if (Block* block = Block::current()) block->before_atomic(address);
}

void after_atomic(const void* address) {
  const tsan::Unwatched unwatched;
  if (Block* block = Block::current()) block->after_atomic(address);
}

}  // namespace emulator
