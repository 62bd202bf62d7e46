#include "cuda/data_source.h"

#include <algorithm>
#include <cstring>

#include "hourglass/random.h"

namespace hourglass::cuda {
namespace {

constexpr int most_threads = 4;              // memory bandwidth is the limit beyond a few
constexpr std::int64_t rows_at_a_time = 64;  // what one thread claims

}  // namespace

BatchCutter::BatchCutter(const TrainingPlan& plan)
    : images_(plan.train),
      batch_(plan.batch),
      seed_(plan.seed),
      pool_(std::min(most_threads, cpu::default_threads())) {}

void BatchCutter::cut(std::int64_t first, std::int64_t count, std::byte* out) {
  const BatchStream stream(seed_, static_cast<std::uint64_t>(images_.count),
                           static_cast<std::uint64_t>(batch_));
  const std::int64_t pieces = (batch_ + rows_at_a_time - 1) / rows_at_a_time;
  const auto row_bytes = static_cast<std::size_t>(images_.row_bytes());
  pool_.run(count * pieces, [&](std::int64_t item, int) {
    const std::int64_t step = item / pieces;
    const std::int64_t begin = item % pieces * rows_at_a_time;
    const std::int64_t end = std::min(begin + rows_at_a_time, batch_);
    std::byte* const rows = out + step * step_bytes();
    stream.visit(static_cast<std::uint64_t>(first + step), static_cast<std::uint64_t>(begin),
                 static_cast<std::uint64_t>(end), [&](std::uint64_t row, std::uint64_t image) {
                   std::memcpy(rows + row * row_bytes,
                               images_.row(static_cast<std::int64_t>(image)), row_bytes);
                 });
  });
}

}  // namespace hourglass::cuda
