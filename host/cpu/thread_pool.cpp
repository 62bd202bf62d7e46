#include "cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>

#include "hourglass/error.h"

namespace hourglass::cpu {
namespace {

// About what a sleeping thread needs to wake up again. Spinning longer than that gains nothing.
constexpr auto spin_time = std::chrono::microseconds(50);

void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `value` is no longer `old`: spins for a bounded time, then sleeps.
template <typename T>
T await_change(const std::atomic<T>& value, T old) {
  const auto deadline = std::chrono::steady_clock::now() + spin_time;
  do {
    for (int i = 0; i < 64; ++i) {
      const T current = value.load(std::memory_order_acquire);
      if (current != old) return current;
      pause_processor();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  try {
    for (int worker = 1; worker < threads; ++worker)
      workers_.emplace_back([this, worker] { work(worker); });
  } catch (const std::system_error& error) {
    const std::size_t started = workers_.size();
    stop();
    throw Error(ExitCode::internal, "cannot start thread " + std::to_string(started + 2) + " of " +
                                        std::to_string(threads) + ": " + error.what() +
                                        ". Ask for fewer --threads.");
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  job_.fetch_or(1, std::memory_order_release);
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

void ThreadPool::run(std::int64_t items, const std::function<void(std::int64_t, int)>& body) {
  if (items <= 0) return;
  body_ = &body;
  failure_ = nullptr;
  failed_.clear();
  unfinished_.store(static_cast<std::uint64_t>(items), std::memory_order_relaxed);
  unclaimed_.store(static_cast<std::uint64_t>(items), std::memory_order_release);
  if (!workers_.empty() && items > 1) {
    job_.fetch_add(2, std::memory_order_release);
    job_.notify_all();
  }
  claim_items(0);
  for (std::uint64_t left = unfinished_.load(std::memory_order_acquire); left != 0;)
    left = await_change(unfinished_, left);
  if (failure_) std::rethrow_exception(failure_);
}

// A claim succeeds only while the job has items left, so the job cannot end, and `body_` cannot
// change, before the claimed item is done. A worker that comes too late finds nothing to claim and
// nobody waits for it.
void ThreadPool::claim_items(int worker) {
  std::uint64_t left = unclaimed_.load(std::memory_order_acquire);
  while (left != 0) {
    if (!unclaimed_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel)) continue;
    try {
      (*body_)(static_cast<std::int64_t>(left - 1), worker);
    } catch (...) {
      if (!failed_.test_and_set()) failure_ = std::current_exception();
    }
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
    left = unclaimed_.load(std::memory_order_acquire);
  }
}

void ThreadPool::work(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    seen = await_change(job_, seen);
    if ((seen & 1) != 0) return;
    claim_items(worker);
  }
}

int default_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace hourglass::cpu
