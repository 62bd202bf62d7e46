#include "emulator/fiber.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

#include "emulator/pages.h"

#if !defined(__x86_64__)
#define HOURGLASS_EMULATOR_UCONTEXT 1
#endif
#if HOURGLASS_EMULATOR_UCONTEXT
#include <ucontext.h>
#endif

namespace emulator {
namespace {

// The fiber that the last switch came from and the one it goes to. One OS thread runs kernels at a
// time.
Fiber* leaving = nullptr;
Fiber* arriving = nullptr;

}  // namespace

#if HOURGLASS_EMULATOR_UCONTEXT

namespace {

void prepare(void*& context, std::byte* stack, std::size_t stack_bytes, void (*start)()) {
  auto* fresh = new ucontext_t;
  context = fresh;
  if (start == nullptr) return;
  getcontext(fresh);
  fresh->uc_stack.ss_sp = stack;
  fresh->uc_stack.ss_size = stack_bytes;
  fresh->uc_link = nullptr;
  makecontext(fresh, start, 0);
}
void swap(void*& from, void* to) {
  swapcontext(static_cast<ucontext_t*>(from), static_cast<ucontext_t*>(to));
}
void dispose(void* context) { delete static_cast<ucontext_t*>(context); }

}  // namespace

#else

// Saves the registers that a function must preserve (System V ABI) on the running stack and takes
// them from the other one.
extern "C" void hourglass_emulator_switch(void** save_stack_pointer, void* stack_pointer);
asm(R"(
.text
.globl hourglass_emulator_switch
.type hourglass_emulator_switch, @function
hourglass_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size hourglass_emulator_switch, . - hourglass_emulator_switch
)");

namespace {

/// Lays out a stack as if `start` had been left by a switch: six registers, the return address.
void prepare(void*& stack_pointer, std::byte* stack, std::size_t stack_bytes, void (*start)()) {
  if (start == nullptr) return;
  void** top = reinterpret_cast<void**>(stack + stack_bytes);
  *--top = nullptr;  // where start() would return to; also aligns the stack as a call does
  *--top = reinterpret_cast<void*>(start);
  for (int saved = 0; saved < 6; ++saved) *--top = nullptr;
  stack_pointer = top;
}
void swap(void*& from, void* to) { hourglass_emulator_switch(&from, to); }
void dispose(void*) {}

}  // namespace

#endif

Fiber::Fiber() : tsan_fiber_(tsan::current()) { prepare(stack_pointer_, nullptr, 0, nullptr); }

Fiber::Fiber(Entry entry, void* argument, std::size_t stack_bytes)
    : stack_bytes_(stack_bytes), entry_(entry), argument_(argument) {
  void* mapping = mmap(nullptr, page + stack_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  mapping_ = static_cast<std::byte*>(mapping);
  if (mprotect(mapping_, page, PROT_NONE) != 0) {
    throw std::system_error(errno, std::generic_category(), "mprotect");
  }
  prepare(stack_pointer_, mapping_ + page, stack_bytes, &Fiber::start);
  asan_stack_bottom_ = mapping_ + page;
  asan_stack_size_ = stack_bytes;
  tsan_fiber_ = tsan::create();
}

Fiber::~Fiber() {
  dispose(stack_pointer_);
  if (mapping_ == nullptr) return;
  asan::unpoison(mapping_ + page, stack_bytes_);  // frames that a fault left behind
  tsan::destroy(tsan_fiber_);
  munmap(mapping_, page + stack_bytes_);
}

void Fiber::switch_to(Fiber& to) {
  leaving = this;
  arriving = &to;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&asan_fake_stack_, to.asan_stack_bottom_, to.asan_stack_size_);
#endif
  tsan::switch_to(to.tsan_fiber_);
  swap(stack_pointer_, to.stack_pointer_);
  finish_switch();
}

void Fiber::finish_switch() {
#if defined(__SANITIZE_ADDRESS__)
  // Tells the bounds of the stack just left: the only way to learn the host's.
  __sanitizer_finish_switch_fiber(asan_fake_stack_, &leaving->asan_stack_bottom_,
                                  &leaving->asan_stack_size_);
#endif
}

void Fiber::start() {
  Fiber* self = arriving;
  self->finish_switch();
  self->entry_(self->argument_);
  __builtin_trap();
}

bool Fiber::is_guard(const void* address) const {
  const auto* place = static_cast<const std::byte*>(address);
  return mapping_ != nullptr && place >= mapping_ && place < mapping_ + page;
}

std::byte* Fiber::clear_stack() {
  asan::unpoison(mapping_ + page, stack_bytes_);
  return mapping_ + page + stack_bytes_;
}

}  // namespace emulator
