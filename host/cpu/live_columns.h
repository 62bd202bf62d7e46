// Columns that hold something. A ReLU unit that lights for no image of a batch leaves a column of
// zeros in its layer's outputs and another in its gradients, and the tutorial's network soon has
// hundreds of them. Products that leave such columns out leave out terms of zero, as long as the
// other factor is finite, and add the others in the same order: the same bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/kernels.h"

namespace hourglass::cpu {

/// Ascending numbers of the columns of a block that hold a number other than zero.
class LiveColumns {
 public:
  /// Looks through a block (rows, columns), or takes all columns when `skip` is false.
  void find(const Kernels& kernels, const float* block, std::int64_t stride, std::int64_t rows,
            std::int64_t columns, bool skip);
  void take_all(std::int64_t columns);

  [[nodiscard]] std::int64_t count() const { return count_; }
  /// Whether so many columns are zeros that copying the others side by side pays.
  [[nodiscard]] bool few() const { return 4 * count_ <= 3 * columns_; }
  [[nodiscard]] std::span<const std::uint32_t> list() const {
    return {list_.data(), static_cast<std::size_t>(count_)};
  }
  /// The part of the list from its `first` number on, at most `most` of them.
  [[nodiscard]] std::span<const std::uint32_t> part(std::int64_t first, std::int64_t most) const {
    const auto begin = static_cast<std::size_t>(first);
    const auto left = static_cast<std::size_t>(count_) - begin;
    return list().subspan(begin, std::min(left, static_cast<std::size_t>(most)));
  }

 private:
  std::vector<std::uint32_t> list_;
  std::int64_t count_ = 0;
  std::int64_t columns_ = 0;
};

/// to (rows, columns.size()) = the listed columns of `from` (rows, ...), side by side.
void gather_columns(const float* from, std::int64_t from_stride, std::int64_t rows,
                    std::span<const std::uint32_t> columns, float* to, std::int64_t to_stride);
/// The other way round; columns that are not listed stay as they are.
void scatter_columns(const float* from, std::int64_t from_stride, std::int64_t rows,
                     std::span<const std::uint32_t> columns, float* to, std::int64_t to_stride);

}  // namespace hourglass::cpu
