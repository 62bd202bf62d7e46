// A small fork-join pool. Work items are claimed one by one from a counter, so a thread that the
// system has put aside delays no more than its own item; waiting threads spin for a bounded time
// and then sleep, so that a busy machine is not made busier (OpenMP's unbounded spinning cost two
// orders of magnitude there).
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace hourglass::cpu {

class ThreadPool {
 public:
  /// `threads` >= 1 workers, the calling thread included. Throws Error when the system starts no
  /// more threads.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `body(item, worker)` for every item in [0, items), each once, and returns when all are
  /// done. `worker` is in [0, threads()). An exception of a body is rethrown here. Not reentrant.
  void run(std::int64_t items, const std::function<void(std::int64_t item, int worker)>& body);

 private:
  void stop();
  void work(int worker);
  void claim_items(int worker);

  std::vector<std::thread> workers_;
  const std::function<void(std::int64_t, int)>* body_ = nullptr;
  std::exception_ptr failure_;  // of the first body that threw
  std::atomic_flag failed_;
  alignas(64) std::atomic<std::uint32_t> job_{0};        // changes when there is work; odd: stop
  alignas(64) std::atomic<std::uint64_t> unclaimed_{0};  // items of the current job
  alignas(64) std::atomic<std::uint64_t> unfinished_{0};
};

/// Threads to use when the user names none: the processors this process may run on.
[[nodiscard]] int default_threads();

}  // namespace hourglass::cpu
