// What AddressSanitizer and ThreadSanitizer must be told about fibers and poisoned memory; empty in
// plain builds. The emulator's own sources are not instrumented by ThreadSanitizer (its bookkeeping
// would look like races between the threads of a kernel), so HOURGLASS_EMULATOR_TSAN says that the
// rest of the program is.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if HOURGLASS_EMULATOR_TSAN
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void __tsan_java_alloc(std::size_t address, std::size_t bytes);
void __tsan_java_free(std::size_t address, std::size_t bytes);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace emulator {

namespace asan {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool enabled = true;
inline void poison(const void* begin, std::size_t bytes) {
  __asan_poison_memory_region(begin, bytes);
}
inline void unpoison(const void* begin, std::size_t bytes) {
  __asan_unpoison_memory_region(begin, bytes);
}
#else
constexpr bool enabled = false;
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
#endif

}  // namespace asan

// A TSan fiber is an execution context with its own clock. What one does before release(token)
// happens before what another does after acquire(token); nothing else orders them.
namespace tsan {

#if HOURGLASS_EMULATOR_TSAN
constexpr bool enabled = true;
inline void* current() { return __tsan_get_current_fiber(); }
inline void* create() { return __tsan_create_fiber(0); }
inline void destroy(void* fiber) {
  if (fiber != nullptr) __tsan_destroy_fiber(fiber);
}
/// Continues as another fiber; the switch itself orders nothing (flag 1).
inline void switch_to(void* fiber) { __tsan_switch_to_fiber(fiber, 1); }
inline void acquire(const void* token) { __tsan_acquire(const_cast<void*>(token)); }
inline void release(const void* token) { __tsan_release(const_cast<void*>(token)); }
/// Drops the access history of a range, as if it were freshly allocated. The interface for the heap
/// of a Java machine is the only public one that does this to memory of the program's own.
inline void forget(const void* begin, std::size_t bytes) {
  const std::size_t whole_words = (bytes + 7) / 8 * 8;
  __tsan_java_free(reinterpret_cast<std::size_t>(begin), whole_words);
  __tsan_java_alloc(reinterpret_cast<std::size_t>(begin), whole_words);
}
inline void ignore_accesses() {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}
inline void watch_accesses() {
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
}
#else
constexpr bool enabled = false;
inline void* current() { return nullptr; }
inline void* create() { return nullptr; }
inline void destroy(void*) {}
inline void switch_to(void*) {}
inline void acquire(const void*) {}
inline void release(const void*) {}
inline void forget(const void*, std::size_t) {}
inline void ignore_accesses() {}
inline void watch_accesses() {}
#endif

/// The emulator's own doings: even uninstrumented code is seen where it calls new, delete or
/// memcpy.
class Unwatched {
 public:
  Unwatched() { ignore_accesses(); }
  ~Unwatched() { watch_accesses(); }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

/// Within an Unwatched scope: what the program asked for, such as the bytes of a copy.
class Watched {
 public:
  Watched() { watch_accesses(); }
  ~Watched() { ignore_accesses(); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
};

}  // namespace tsan
}  // namespace emulator
