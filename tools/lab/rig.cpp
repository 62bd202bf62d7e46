#include "lab/rig.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "hourglass/random.h"

namespace hourglass::tools::lab {
namespace {

constexpr std::int64_t noise_count = std::int64_t{1} << 18;

/// Numbers in (-1, 1) as Element; a bf16 is the upper half of a float.
template <typename Element>
const std::vector<std::conditional_t<sizeof(Element) == 2, std::uint16_t, float>>& noise() {
  using Word = std::conditional_t<sizeof(Element) == 2, std::uint16_t, float>;
  static const std::vector<Word> numbers = [] {
    std::vector<Word> made(static_cast<std::size_t>(noise_count));
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto words = philox(1, Purpose::weights, i);
      const auto number = static_cast<float>(2.0 * unit_interval(words[0], words[1]) - 1.0);
      if constexpr (sizeof(Element) == 2)
        made[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(number) >> 16);
      else
        made[i] = number;
    }
    return made;
  }();
  return numbers;
}

std::int64_t l2_bytes_of(int device) {
  int bytes = 0;
  kernels::check(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device),
                 "ask for the size of the L2 cache");
  return bytes;
}

}  // namespace

Rig::Rig(const Options& options)
    : options_(options),
      l2_bytes_(options.l2_bytes > 0 ? options.l2_bytes : l2_bytes_of(options.device)) {}

cuda::Gemm& Rig::products(cuda::Arithmetic arithmetic) {
  auto& products = products_[static_cast<std::size_t>(arithmetic)];
  if (!products) {
    cuda::DeviceBuffer<std::byte> workspace("products", cuda::Gemm::workspace_bytes());
    cuda::Gemm gemm(arithmetic, workspace.data());
    products.emplace(Products{std::move(workspace), std::move(gemm)});
  }
  return products->gemm;
}

const std::byte* Rig::pixels() {
  const Images& images = options_.plan.train;
  if (pixels_.size() == 0) {
    pixels_ =
        cuda::DeviceBuffer<std::byte>("the training images", images.count * images.row_bytes());
    cuda::upload(pixels_.data(), images.pixels, pixels_.size(), stream_.get());
    stream_.synchronize();
  }
  return pixels_.data();
}

template <typename Element>
cuda::DeviceBuffer<Element> Rig::random(std::int64_t count) const {
  cuda::DeviceBuffer<Element> buffer("the benchmark", count);
  const auto& numbers = noise<Element>();
  for (std::int64_t at = 0; at < count; at += noise_count) {
    const std::int64_t part = std::min(noise_count, count - at);
    kernels::check(cudaMemcpyAsync(buffer.data() + at, numbers.data(),
                                   static_cast<std::size_t>(part) * sizeof(Element),
                                   cudaMemcpyHostToDevice, stream_.get()),
                   "copy random numbers to the device");
  }
  return buffer;
}

template cuda::DeviceBuffer<float> Rig::random<float>(std::int64_t) const;
template cuda::DeviceBuffer<kernels::Bf16> Rig::random<kernels::Bf16>(std::int64_t) const;

}  // namespace hourglass::tools::lab
