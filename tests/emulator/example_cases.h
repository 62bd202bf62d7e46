// Runs the example kernels on small inputs and compares with plain loops.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "emulator/example_kernels.cuh"

namespace example {

inline void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorName(error));
}

/// Device memory that holds a copy of host values.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t count) : count_(count) {
    check(cudaMalloc(&data_, count * sizeof(T)));
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    check(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(count_);
    check(cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

template <class... Parameters, class... Arguments>
void run(void (*kernel)(Parameters...), dim3 grid, dim3 block, std::size_t dynamic_bytes,
         cudaStream_t stream, Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = dynamic_bytes;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, arguments...));
}

/// Small whole numbers, so that sums are exact in any order.
template <class T>
std::vector<T> numbers(std::size_t count) {
  std::vector<T> result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = static_cast<T>((i * 37 + 11) % 101) - T(50);
  return result;
}

template <class T>
T sum_of(const std::vector<T>& values) {
  T sum = 0;
  for (const T value : values) sum += value;
  return sum;
}

// Each returns whether the result is right.

template <Bug bug>
bool sums_blocks(int n) {
  const auto x = numbers<float>(static_cast<std::size_t>(n));
  const DeviceArray<float> in(x);
  const DeviceArray<float> partial(3);
  run(sum_blocks<bug>, 3, 128, 0, nullptr, in.data(), partial.data(), n);
  return sum_of(partial.values()) == sum_of(x);
}

template <Bug bug>
bool sums_in_last_block(int n) {
  const auto x = numbers<float>(static_cast<std::size_t>(n));
  const DeviceArray<float> in(x);
  const DeviceArray<float> partial(5);
  const DeviceArray<unsigned> ticket(std::vector<unsigned>{0});
  const DeviceArray<float> sum(1);
  bool right = true;
  for (int repeat = 0; repeat < 2; ++repeat) {
    run(sum_last_block<bug>, 5, 64, 0, nullptr, in.data(), partial.data(), ticket.data(),
        sum.data(), n);
    right = right && sum.values()[0] == sum_of(x);
  }
  return right;
}

template <Bug bug>
bool transposes(int rows, int columns) {
  const auto x = numbers<float>(static_cast<std::size_t>(rows * columns));
  const DeviceArray<float> in(x);
  const DeviceArray<float> out(x.size());
  const dim3 grid(static_cast<unsigned>(columns + 31) / 32, static_cast<unsigned>(rows + 31) / 32);
  run(transpose<bug>, grid, dim3(32, 8), 0, nullptr, in.data(), out.data(), rows, columns);
  const auto y = out.values();
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      if (y[static_cast<std::size_t>(column * rows + row)] !=
          x[static_cast<std::size_t>(row * columns + column)]) {
        return false;
      }
    }
  }
  return true;
}

template <class T, Bug bug>
bool multiplies(int m, int n, int k) {
  const auto a = numbers<T>(static_cast<std::size_t>(m * k));
  const auto b = numbers<T>(static_cast<std::size_t>(k * n));
  const DeviceArray<T> device_a(a);
  const DeviceArray<T> device_b(b);
  const DeviceArray<T> device_c(static_cast<std::size_t>(m * n));
  const dim3 grid(static_cast<unsigned>(n + 15) / 16, static_cast<unsigned>(m + 15) / 16);
  run(product<T, bug>, grid, dim3(16, 16), 0, nullptr, device_a.data(), device_b.data(),
      device_c.data(), m, n, k);
  const auto c = device_c.values();
  for (int row = 0; row < m; ++row) {
    for (int column = 0; column < n; ++column) {
      T expected = 0;
      for (int i = 0; i < k; ++i) {
        expected +=
            a[static_cast<std::size_t>(row * k + i)] * b[static_cast<std::size_t>(i * n + column)];
      }
      if (c[static_cast<std::size_t>(row * n + column)] != expected) return false;
    }
  }
  return true;
}

template <Bug bug>
bool sums_in_warp_tree() {
  const auto x = numbers<float>(64);
  const DeviceArray<float> in(x);
  const DeviceArray<float> sum(1);
  run(warp_tree<bug>, 1, 32, 0, nullptr, in.data(), sum.data());
  return sum.values()[0] == sum_of(x);
}

template <Bug bug>
bool reverses(unsigned count) {
  auto x = numbers<int>(count);
  const DeviceArray<int> in(x);
  const DeviceArray<int> out(count);
  run(reverse<bug>, 1, count, count * sizeof(int), nullptr, in.data(), out.data());
  return out.values() == std::vector<int>(x.rbegin(), x.rend());
}

template <Bug bug>
bool scans(unsigned count) {
  const auto x = numbers<int>(count);
  const DeviceArray<int> in(x);
  const DeviceArray<int> sums(count);
  const DeviceArray<int> odd(count);
  run(warp_scan<bug>, 1, count, 0, nullptr, in.data(), sums.data(), odd.data());
  std::vector<int> expected_sums(count);
  std::vector<int> expected_odd(count);
  for (std::size_t i = 0; i < count; ++i) {
    expected_sums[i] = x[i] + (i % 32 == 0 ? 0 : expected_sums[i - 1]);
    for (std::size_t j = i / 32 * 32; j < count && j < (i / 32 + 1) * 32; ++j) {
      expected_odd[i] += x[j] % 2 != 0 ? 1 : 0;
    }
  }
  return sums.values() == expected_sums && odd.values() == expected_odd;
}

template <Bug bug>
bool doubles_quads(int quads) {
  const auto x = numbers<float>(static_cast<std::size_t>(4 * quads));
  const DeviceArray<float> in(x);
  const DeviceArray<float> out(x);
  run(double_quads<bug>, 2, 32, 0, nullptr, in.data(), out.data(), quads);
  if (bug == Bug::misaligned) return true;  // the values would be right on a forgiving machine
  const auto y = out.values();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (y[i] != 2 * x[i]) return false;
  }
  return true;
}

template <Bug bug>
bool recurses() {
  const DeviceArray<int> out(1);
  run(recurse<bug>, 1, 1, 0, nullptr, out.data());
  return out.values()[0] == 10;
}

}  // namespace example
