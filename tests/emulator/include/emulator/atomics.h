// Atomics as CUDA has them: relaxed, no ordering of other memory. ThreadSanitizer is told of the
// one pattern that does order memory: fence, atomic (release) ... atomic, fence (acquire).
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace emulator {

void before_atomic(const void* address);
void after_atomic(const void* address);

/// Replaces `*address` by `update(*address)` in one step; returns the old value.
template <class T, class Update>
T atomic_update(T* address, Update update) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  Bits* place = reinterpret_cast<Bits*>(address);
  before_atomic(address);
  Bits old_bits = __atomic_load_n(place, __ATOMIC_RELAXED);
  T old_value;
  Bits new_bits;
  do {
    std::memcpy(&old_value, &old_bits, sizeof(T));
    const T new_value = update(old_value);
    std::memcpy(&new_bits, &new_value, sizeof(T));
  } while (!__atomic_compare_exchange_n(place, &old_bits, new_bits, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
  after_atomic(address);
  return old_value;
}

}  // namespace emulator

template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return emulator::atomic_update(address, [value](T old) { return static_cast<T>(old + value); });
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return emulator::atomic_update(address, [value](T old) { return old < value ? value : old; });
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return emulator::atomic_update(address, [value](T old) { return value < old ? value : old; });
}
template <class T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return emulator::atomic_update(address, [value](T old) { return old | value; });
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return emulator::atomic_update(address, [value](T) { return value; });
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return emulator::atomic_update(
      address, [expected, value](T old) { return old == expected ? value : old; });
}
/// Counts up to `limit`, then starts again at 0.
inline unsigned atomicInc(unsigned* address, unsigned limit) {
  return emulator::atomic_update(address,
                                 [limit](unsigned old) { return old >= limit ? 0u : old + 1u; });
}
