// What every measurement stands on: the device, a stream, products, numbers to compute with.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cuda/device_buffer.h"
#include "cuda/gemm.h"
#include "cuda/stream.h"
#include "kernels/element.h"
#include "lab/lab.h"

namespace hourglass::tools::lab {

class Rig {
 public:
  explicit Rig(const Options& options);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const cuda::Stream& stream() const { return stream_; }
  [[nodiscard]] std::int64_t l2_bytes() const { return l2_bytes_; }
  /// Products in one kind of arithmetic.
  [[nodiscard]] cuda::Gemm& products(cuda::Arithmetic arithmetic);
  /// The training images on the device.
  [[nodiscard]] const std::byte* pixels();

  /// Random numbers in (-1, 1): products of zeros would take less power, and run faster.
  template <typename Element>
  [[nodiscard]] cuda::DeviceBuffer<Element> random(std::int64_t count) const;
  template <typename T>
  [[nodiscard]] cuda::DeviceBuffer<T> zeros(std::int64_t count) const {
    cuda::DeviceBuffer<T> buffer("the benchmark", count);
    if (count > 0) cuda::clear(buffer.data(), count, stream_.get());
    return buffer;
  }
  /// One value on the device.
  template <typename T>
  [[nodiscard]] cuda::DeviceBuffer<T> value(const T& value) const {
    cuda::DeviceBuffer<T> buffer("the benchmark", 1);
    cuda::upload(buffer.data(), &value, 1, stream_.get());
    stream_.synchronize();
    return buffer;
  }

 private:
  struct Products {
    cuda::DeviceBuffer<std::byte> workspace;
    cuda::Gemm gemm;
  };

  Options options_;
  std::int64_t l2_bytes_ = 0;
  cuda::Stream stream_;
  cuda::DeviceBuffer<std::byte> pixels_;
  std::array<std::optional<Products>, 3> products_;
};

}  // namespace hourglass::tools::lab
