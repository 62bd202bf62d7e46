#include <atomic>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "cpu/thread_pool.h"
#include "support/catch.h"

using hourglass::cpu::ThreadPool;

TEST_CASE("every item runs once, by a worker of the pool") {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    CHECK(pool.threads() == threads);
    for (const std::int64_t items : {0, 1, 2, 100}) {
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(items));
      std::atomic<bool> worker_ok{true};
      pool.run(items, [&](std::int64_t item, int worker) {
        ++runs[static_cast<std::size_t>(item)];
        if (worker < 0 || worker >= threads) worker_ok = false;
      });
      for (const auto& count : runs) REQUIRE(count == 1);
      CHECK(worker_ok);
    }
  }
}

TEST_CASE("jobs follow one another without a gap or an overlap") {
  ThreadPool pool(3);
  std::vector<std::int64_t> values(64, 0);
  for (int job = 0; job < 2000; ++job)
    pool.run(64, [&](std::int64_t item, int) { ++values[static_cast<std::size_t>(item)]; });
  CHECK(std::accumulate(values.begin(), values.end(), std::int64_t{0}) == 64 * 2000);
}

TEST_CASE("an exception of an item comes out of run, and the pool goes on") {
  ThreadPool pool(2);
  CHECK_THROWS_AS(pool.run(10,
                           [](std::int64_t item, int) {
                             if (item == 3) throw std::runtime_error("item 3");
                           }),
                  std::runtime_error);
  std::atomic<int> count{0};
  pool.run(10, [&](std::int64_t, int) { ++count; });
  CHECK(count == 10);
}
