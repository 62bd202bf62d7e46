// One block of a running kernel: its threads as fibers, their barriers and warp operations.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "emulator/device.h"
#include "emulator/fiber.h"
#include "emulator/launch.h"
#include "emulator/random.h"
#include "emulator/sanitizers.h"

namespace emulator {

constexpr int max_threads = 1024;

struct Thread;

/// A fiber that runs one thread after the other.
struct Worker {
  Worker() : fiber(&Worker::loop, this, thread_stack_bytes) {}
  static void loop(void* self);

  Fiber fiber;
  Thread* thread = nullptr;
};

/// Keeps workers from block to block. To ThreadSanitizer a worker is one thread, and what one
/// thread does is in order: so that this does not hide a race between blocks, a worker that has run
/// is used again only after all others.
class WorkerPool {
 public:
  Worker& take();
  void give_back(Worker& worker) { idle_.push_back(&worker); }
  /// After a fault: the stacks hold frames that never returned.
  void discard();
  /// Whether an address is the guard page of some worker's stack.
  bool is_guard(const void* address) const;

 private:
  std::deque<std::unique_ptr<Worker>> workers_;
  static constexpr std::size_t kept_apart = tsan::enabled ? 512 : 0;

  std::deque<Worker*> idle_;
};

struct Thread {
  enum class State : std::uint8_t { ready, running, at_block_barrier, at_warp_operation, done };

  State state = State::ready;
  bool fenced = false;  ///< called __threadfence(): its atomics now publish its writes
  int number = 0;       ///< within the block
  uint3 index{};
  Worker* worker = nullptr;
  Where where;                       ///< what it waits at
  unsigned mask = 0;                 ///< of the warp operation that it waits at
  std::uint64_t result = 0;          ///< of the last warp operation
  int parity = 0;                    ///< of the last barrier, to choose the token
  std::vector<const void*> atomics;  ///< touched since the last fence
};

/// Lanes of a warp that wait for each other.
struct Rendezvous {
  WarpOperation operation;
  unsigned mask;
  Where where;
  unsigned arrived = 0;
  std::array<std::uint64_t, 32> values{};
  std::array<int, 32> sources{};
  int parity = 0;
};

struct Warp {
  unsigned existing = 0;  ///< lanes that the block has
  unsigned exited = 0;
  int generation = 0;
  std::vector<Rendezvous> pending;
};

/// ThreadSanitizer's tokens of one block; kept until the kernel ends, so that no block inherits the
/// order of an earlier one by using its addresses again.
struct BlockTokens {
  char start = 0;
  std::array<char, 2> barrier{};
  std::array<std::array<char, 2>, max_threads / 32> warps{};
};

/// What the blocks of one kernel launch share.
struct Launch {
  const KernelCall* call = nullptr;
  dim3 grid;
  dim3 block;
  std::size_t dynamic_bytes = 0;
  bool shuffled = false;
  Random random;
  char end_token = 0;
  std::uint64_t switches = 0;
};

class Block {
 public:
  Block(Launch& launch, WorkerPool& pool, const BlockTokens& tokens);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Runs every thread to its end. Throws Fault.
  void run();

  /// The block that is running, or nullptr.
  static Block* current();
  /// The same, for a device function: throws Fault when called outside a kernel.
  static Block& of_device_function(const char* name);

  // Called on the fiber of the running thread.
  void barrier(Where where);
  std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value,
                               int source_lane, Where where);
  void fence();
  void before_atomic(const void* address);
  void after_atomic(const void* address);
  /// Gives the kernel up with this text, which run() throws as a Fault.
  [[noreturn]] void fail(const std::string& text);
  /// The same for a thread whose frames cannot be unwound: the two halves of fail().
  void note_fault(const std::string& text);
  void switch_to_host();
  void run_thread(Thread& thread);

  bool in_thread() const { return running_ != nullptr; }
  Thread& thread() { return *running_; }
  WorkerPool& pool() { return pool_; }
  /// "kernel K, block (x,y,z), thread (x,y,z)" of what runs now.
  std::string place() const;

 private:
  Thread* next_ready();
  void resume(Thread& thread);
  void wait(Thread& thread, Thread::State state, Where where);
  void make_ready(Thread& thread);
  void leave(Thread& thread);
  void run_kernel_code();
  std::string describe_waiting() const;

  Launch& launch_;
  WorkerPool& pool_;
  const BlockTokens& tokens_;
  Fiber host_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<Thread*> ready_;
  std::size_t first_ready_ = 0;
  Thread* running_ = nullptr;
  int exited_ = 0;
  int at_barrier_ = 0;
  int generation_ = 0;
  Where barrier_where_;
  std::string fault_;
};

}  // namespace emulator
