// Matrices in device memory for the kernels' tests: exact sizes, everything poisoned, and a check
// that padding stays what it was.
#pragma once

#include <cuda_runtime_api.h>

#include <bit>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/check.h"
#include "kernels/element.h"

namespace hourglass::test {

using kernels::Bf16;

/// `count` elements, `offset` elements from where cudaMalloc's alignment begins. Every byte 0xff: a
/// NaN as float, double and bf16.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(std::int64_t count, std::int64_t offset = 0)
      : count_(static_cast<std::size_t>(count)), offset_(static_cast<std::size_t>(offset)) {
    const std::size_t bytes = (count_ + offset_) * sizeof(T);
    void* memory = nullptr;
    kernels::check(cudaMalloc(&memory, bytes), "cudaMalloc");
    memory_ = static_cast<T*>(memory);
    kernels::check(cudaMemset(memory_, 0xff, bytes), "cudaMemset");
  }
  explicit DeviceArray(const std::vector<T>& values, std::int64_t offset = 0)
      : DeviceArray(static_cast<std::int64_t>(values.size()), offset) {
    set(values);
  }
  ~DeviceArray() { cudaFree(memory_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  [[nodiscard]] T* data() const { return memory_ + offset_; }
  void set(const std::vector<T>& values) {
    kernels::check(
        cudaMemcpy(data(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice),
        "cudaMemcpy");
  }
  [[nodiscard]] std::vector<T> get() const {
    std::vector<T> values(count_);
    kernels::check(cudaMemcpy(values.data(), data(), count_ * sizeof(T), cudaMemcpyDeviceToHost),
                   "cudaMemcpy");
    return values;
  }

 private:
  T* memory_ = nullptr;
  std::size_t count_;
  std::size_t offset_;
};

/// Where the rows of a matrix lie.
struct Layout {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;
  std::int64_t offset = 0;  // of the first element, in elements, from an aligned address

  [[nodiscard]] std::int64_t extent() const { return (rows - 1) * stride + columns; }
};

/// Variants 0 to 3: dense; rows padded to 4; odd stride and address; padded, one quad further on.
inline Layout make_layout(std::int64_t rows, std::int64_t columns, std::uint64_t variant) {
  const std::int64_t padded = (columns + 3) / 4 * 4;
  switch (variant % 4) {
    case 0:
      return {rows, columns, columns, 0};
    case 1:
      return {rows, columns, padded, 0};
    case 2:
      return {rows, columns, columns + 3, 1};
    default:
      return {rows, columns, padded + 4, 4};
  }
}

inline float to_float(float x) { return x; }
inline float to_float(Bf16 x) { return __bfloat162float(x); }
template <typename T>
T from_float(float x) {
  if constexpr (std::is_same_v<T, Bf16>)
    return __float2bfloat16_rn(x);
  else
    return x;
}
/// x as an element of type T keeps it.
template <typename T>
float rounded(float x) {
  return to_float(from_float<T>(x));
}

/// Elements that no kernel may write hold this.
template <typename T>
T padding() {
  using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;
  return std::bit_cast<T>(static_cast<Bits>(~Bits{0}));
}

template <typename T>
bool is_padding(T x) {
  using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint32_t>;
  return std::bit_cast<Bits>(x) == std::bit_cast<Bits>(padding<T>());
}

template <typename T>
class DeviceMatrix {
 public:
  explicit DeviceMatrix(const Layout& layout)
      : layout_(layout), array_(layout.extent(), layout.offset) {}
  DeviceMatrix(const Layout& layout, const std::vector<float>& values) : DeviceMatrix(layout) {
    std::vector<T> all(static_cast<std::size_t>(layout.extent()), padding<T>());
    for (std::int64_t row = 0; row < layout.rows; ++row)
      for (std::int64_t column = 0; column < layout.columns; ++column)
        all[static_cast<std::size_t>(row * layout.stride + column)] =
            from_float<T>(values[static_cast<std::size_t>(row * layout.columns + column)]);
    array_.set(all);
  }

  [[nodiscard]] T* data() const { return array_.data(); }
  /// The values, dense. `touched` is set if padding between the rows was written to.
  [[nodiscard]] std::vector<float> get(bool& touched) const {
    const std::vector<T> all = array_.get();
    std::vector<float> values;
    values.reserve(static_cast<std::size_t>(layout_.rows * layout_.columns));
    for (std::int64_t row = 0; row < layout_.rows; ++row) {
      const T* place = all.data() + row * layout_.stride;
      for (std::int64_t column = 0; column < layout_.columns; ++column)
        values.push_back(to_float(place[column]));
      const std::int64_t end = row + 1 < layout_.rows ? layout_.stride : layout_.columns;
      for (std::int64_t column = layout_.columns; column < end; ++column)
        if (!is_padding(place[column])) touched = true;
    }
    return values;
  }

 private:
  Layout layout_;
  DeviceArray<T> array_;
};

}  // namespace hourglass::test
