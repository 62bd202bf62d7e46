#include "emulator/fault_handler.h"

#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>

#include "emulator/block.h"
#include "emulator/grid.h"
#include "emulator/runtime.h"
#include "emulator/sanitizers.h"

namespace emulator {
namespace {

struct Previous {
  struct sigaction segv {};
  struct sigaction bus {};
};
Previous previous;
void* fault_address = nullptr;
bool fault_has_address = false;

std::string explain(const void* address) {
  if (!fault_has_address) return "misaligned access, or to an address that no memory can have";
  if (the_grid().pool().is_guard(address)) return "the thread's stack is full";
  std::string text = "invalid access to ";
  if (the_grid().dynamic_memory().is_guard(address)) {
    return text + "memory outside the block's dynamic shared memory";
  }
  return text + Runtime::instance().memory().describe(address);
}

/// Runs on the faulting thread's cleared stack, in place of the instruction that faulted.
[[noreturn]] void give_up_kernel() {
  const tsan::Unwatched unwatched;
  Block::current()->note_fault(explain(fault_address));
  Block::current()->switch_to_host();
  __builtin_trap();
}

void handle(int number, siginfo_t* info, void* context) {
  fault_address = info->si_addr;
  fault_has_address = info->si_code != SI_KERNEL;
  Block* block = Block::current();
#if defined(__x86_64__)
  if (block != nullptr && block->in_thread()) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    std::byte* top = block->thread().worker->fiber.clear_stack();
    // A function is entered with its return address pushed: 8 bytes below a multiple of 16.
    registers[REG_RSP] = reinterpret_cast<greg_t>(top - 64 - 8);
    registers[REG_RIP] = reinterpret_cast<greg_t>(&give_up_kernel);
    return;
  }
#else
  (void)context;
#endif
  std::string text = "emulator: " + (block != nullptr ? block->place() : std::string("host code")) +
                     ": " + explain(fault_address) + '\n';
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  // Returning runs the instruction again, now with the handler from before ours.
  sigaction(number, number == SIGSEGV ? &previous.segv : &previous.bus, nullptr);
}

void provide_signal_stack() {
  // A thread that overflows its stack has none left for the handler.
  static std::array<std::byte, 64 * 1024> stack;
  stack_t current{};
  sigaltstack(nullptr, &current);
  if ((current.ss_flags & SS_DISABLE) == 0) return;
  stack_t own{};
  own.ss_sp = stack.data();
  own.ss_size = stack.size();
  sigaltstack(&own, nullptr);
}

void take_over(int number, struct sigaction& before) {
  struct sigaction current {};
  sigaction(number, nullptr, &current);
  if ((current.sa_flags & SA_SIGINFO) != 0 && current.sa_sigaction == &handle) return;
  before = current;
  struct sigaction own {};
  own.sa_sigaction = &handle;
  own.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&own.sa_mask);
  sigaction(number, &own, nullptr);
}

}  // namespace

void take_over_memory_faults() {
  provide_signal_stack();
  take_over(SIGSEGV, previous.segv);
  take_over(SIGBUS, previous.bus);
}

}  // namespace emulator
