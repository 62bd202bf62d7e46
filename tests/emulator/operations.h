// Work that was enqueued and waits: nothing runs until the host waits for something, and then in
// any order that streams and events allow.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emulator/fiber.h"
#include "emulator/random.h"

namespace emulator {

/// A stream's identity for the schedulers, and a stack to run its operations on. They are ordered
/// by their dependencies alone; ThreadSanitizer sees each lane as a thread of its own.
class Lane {
 public:
  explicit Lane(std::uint64_t number);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  std::uint64_t number() const { return number_; }
  /// Runs `work` on the lane's stack; what it throws is thrown here.
  void run(const std::function<void()>& work);

 private:
  static void loop(void* self);

  std::uint64_t number_;
  Fiber fiber_;
  Fiber* caller_ = nullptr;
  const std::function<void()>* work_ = nullptr;
  std::exception_ptr failure_;
};

struct HostRange {
  const std::byte* begin = nullptr;
  std::size_t bytes = 0;
};

/// What to do, before it is known when: for a stream, or for the node of a graph.
struct Work {
  std::string name;
  std::function<void()> run;         ///< when its turn comes
  std::function<void()> at_enqueue;  ///< once it is enqueued; may be empty
  HostRange source;                  ///< pinned memory that it will read
};

struct Operation {
  Work work;
  std::shared_ptr<Lane> lane;
  std::vector<std::shared_ptr<Operation>> after;  ///< cleared once done
  std::vector<Operation*> successors;
  std::size_t blockers = 0;
  std::uint64_t number = 0;
  bool wanted = false;  ///< the host waits for it or for something behind it
  bool done = false;
  std::chrono::steady_clock::time_point finished;
};

using OperationPtr = std::shared_ptr<Operation>;

class Scheduler {
 public:
  /// `around` runs the operation given to it; it may check things before and after.
  using Around = std::function<void(const Operation&)>;

  explicit Scheduler(Around around) : around_(std::move(around)) {}

  void seed(std::uint64_t seed);
  OperationPtr enqueue(Work work, std::shared_ptr<Lane> lane, std::vector<OperationPtr> after);
  /// Runs operations, others too, until this one is done.
  void run_until(Operation& target);
  void run_all();
  /// Runs a few operations or none, as they might have happened to finish before a query.
  void run_some();
  void drop_all();

  /// Whether an operation that waits will read from a range of host memory.
  bool will_read(const void* begin, std::size_t bytes) const;
  bool running() const { return running_; }

 private:
  void draw_mood(bool may_be_lazy);
  Operation* choose(bool only_wanted);
  void execute(Operation& operation);
  void mark_wanted(Operation& target);
  std::uint64_t priority(const Operation& operation) const;

  Around around_;
  std::vector<OperationPtr> waiting_;  // every operation not done, ready ones too
  std::vector<Operation*> ready_;
  Random random_;
  bool shuffled_ = false;
  bool lazy_ = false;       // run only what is waited for
  std::uint64_t mood_ = 0;  // which lane goes first
  std::uint64_t enqueued_ = 0;
  char all_done_ = 0;  // ThreadSanitizer's token of everything that ran
  bool running_ = false;
};

}  // namespace emulator
