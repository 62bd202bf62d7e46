#include "cpu/live_columns.h"

#include <numeric>

namespace hourglass::cpu {

void LiveColumns::find(const Kernels& kernels, const float* block, std::int64_t stride,
                       std::int64_t rows, std::int64_t columns, bool skip) {
  if (!skip) return take_all(columns);
  columns_ = columns;
  list_.resize(static_cast<std::size_t>(columns + 1));  // the kernel writes before it knows
  count_ = kernels.live_columns({block, stride, rows, columns, list_.data()});
}

void LiveColumns::take_all(std::int64_t columns) {
  columns_ = count_ = columns;
  list_.resize(static_cast<std::size_t>(columns));
  std::iota(list_.begin(), list_.end(), 0U);
}

void gather_columns(const float* from, std::int64_t from_stride, std::int64_t rows,
                    std::span<const std::uint32_t> columns, float* to, std::int64_t to_stride) {
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < columns.size(); ++i)
      to[row * to_stride + static_cast<std::int64_t>(i)] = from[row * from_stride + columns[i]];
}

void scatter_columns(const float* from, std::int64_t from_stride, std::int64_t rows,
                     std::span<const std::uint32_t> columns, float* to, std::int64_t to_stride) {
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < columns.size(); ++i)
      to[row * to_stride + columns[i]] = from[row * from_stride + static_cast<std::int64_t>(i)];
}

}  // namespace hourglass::cpu
