// What a kernel may call: indices, barriers, warp operations, fences. Every call that waits passes
// its place in the source, so that threads which meet at different calls are told apart and named.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "emulator/vector_types.h"

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;

namespace emulator {

using Where = std::source_location;

enum class WarpOperation : std::uint8_t {
  barrier,
  shuffle,
  ballot,
  reduce_add,
  reduce_min,
  reduce_max
};

void block_barrier(Where where);
/// Waits for the lanes of `mask` and gives this lane's result: of a shuffle the value of
/// `source_lane` (all bits set where that lane takes no part), of the rest one value for all lanes.
std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value,
                             int source_lane, Where where);
void memory_fence();
int lane();
/// The block's dynamic shared memory: as many bytes as the launch asked for, 16-byte aligned.
void* dynamic_shared_memory();

template <class T>
T shuffle(unsigned mask, T value, int source_lane, Where where) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_operation(WarpOperation::shuffle, mask, bits, source_lane, where);
  std::memcpy(static_cast<void*>(&value), &bits, sizeof(T));
  return value;
}

/// First lane of the segment of `width` lanes that this lane belongs to.
inline int segment_start(int width) { return lane() & ~(width - 1); }

}  // namespace emulator

inline void __syncthreads(emulator::Where where = emulator::Where::current()) {
  emulator::block_barrier(where);
}
inline void __syncwarp(unsigned mask = 0xffffffffu,
                       emulator::Where where = emulator::Where::current()) {
  emulator::warp_operation(emulator::WarpOperation::barrier, mask, 0, 0, where);
}
inline void __threadfence() { emulator::memory_fence(); }
inline void __threadfence_block() { emulator::memory_fence(); }

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize,
              emulator::Where where = emulator::Where::current()) {
  const int from = emulator::segment_start(width) | (source & (width - 1));
  return emulator::shuffle(mask, value, from, where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                 emulator::Where where = emulator::Where::current()) {
  const int from = emulator::lane() - static_cast<int>(delta);
  return emulator::shuffle(mask, value,
                           from >= emulator::segment_start(width) ? from : emulator::lane(), where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                   emulator::Where where = emulator::Where::current()) {
  const int from = emulator::lane() + static_cast<int>(delta);
  return emulator::shuffle(
      mask, value, from < emulator::segment_start(width) + width ? from : emulator::lane(), where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize,
                  emulator::Where where = emulator::Where::current()) {
  const int from = emulator::lane() ^ lane_mask;
  return emulator::shuffle(
      mask, value, from < emulator::segment_start(width) + width ? from : emulator::lane(), where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              emulator::Where where = emulator::Where::current()) {
  return static_cast<unsigned>(
      emulator::warp_operation(emulator::WarpOperation::ballot, mask, predicate != 0, 0, where));
}
inline int __any_sync(unsigned mask, int predicate,
                      emulator::Where where = emulator::Where::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      emulator::Where where = emulator::Where::current()) {
  return __ballot_sync(mask, !predicate, where) == 0;
}

inline unsigned __reduce_add_sync(unsigned mask, unsigned value,
                                  emulator::Where where = emulator::Where::current()) {
  return static_cast<unsigned>(
      emulator::warp_operation(emulator::WarpOperation::reduce_add, mask, value, 0, where));
}
inline int __reduce_add_sync(unsigned mask, int value,
                             emulator::Where where = emulator::Where::current()) {
  return static_cast<int>(__reduce_add_sync(mask, static_cast<unsigned>(value), where));
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value,
                                  emulator::Where where = emulator::Where::current()) {
  return static_cast<unsigned>(
      emulator::warp_operation(emulator::WarpOperation::reduce_min, mask, value, 0, where));
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value,
                                  emulator::Where where = emulator::Where::current()) {
  return static_cast<unsigned>(
      emulator::warp_operation(emulator::WarpOperation::reduce_max, mask, value, 0, where));
}

// Operations of a stream run one after the other, so programmatic dependent launch has nothing to
// do.
inline void cudaGridDependencySynchronize() {}
inline void cudaTriggerProgrammaticLaunchCompletion() {}
