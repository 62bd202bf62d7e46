// Fibers: functions with stacks of their own that hand the processor to each other by name.
#pragma once

#include <cstddef>

#include "emulator/sanitizers.h"

namespace emulator {

/// Enough for a kernel's thread; AddressSanitizer makes frames larger.
constexpr std::size_t thread_stack_bytes = asan::enabled ? 256 * 1024 : 64 * 1024;
/// For operations of streams: library twins and host functions run there.
constexpr std::size_t lane_stack_bytes = 1024 * 1024;

class Fiber {
 public:
  using Entry = void (*)(void* argument);

  /// The context that calls this: the host's own stack.
  Fiber();
  /// A new stack; the first switch_to() starts `entry(argument)`, which must never return.
  Fiber(Entry entry, void* argument, std::size_t stack_bytes);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Leaves `*this`, which must be the running fiber, and continues `to`.
  void switch_to(Fiber& to);

  /// Whether an address lies in the guard page under this fiber's stack.
  bool is_guard(const void* address) const;
  /// Forgets the frames on the stack, for a function that starts again at the returned address: its
  /// top.
  std::byte* clear_stack();

 private:
  static void start();
  void finish_switch();

  void* stack_pointer_ = nullptr;  // or, without assembly for this processor, its ucontext_t
  std::byte* mapping_ = nullptr;   // guard page, then the stack
  std::size_t stack_bytes_ = 0;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  void* tsan_fiber_ = nullptr;
  void* asan_fake_stack_ = nullptr;
  const void* asan_stack_bottom_ = nullptr;
  std::size_t asan_stack_size_ = 0;
};

}  // namespace emulator
