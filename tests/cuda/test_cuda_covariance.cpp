// Moments of images on the emulated device, and the principal components from them.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "cuda_support.h"
#include "hourglass/error.h"
#include "support/covariance_checks.h"

using namespace hourglass;

TEST_CASE("covariance on the device: the CPU's bits for bytes, its tolerance for floats") {
  for (const PixelType type : {PixelType::u8, PixelType::f32})
    for (const std::int64_t width : {1, 3, 7, 8, 12, 33})
      for (const std::int64_t count : {1, 2, 257, 258, 259, 600}) {
        emulator::reset(static_cast<std::uint64_t>(width + count));
        test::check_device_moments(test::random_images(count, width, type));
        CHECK(emulator::live_objects().total() == 0);
      }
}

TEST_CASE("covariance on the device: more images than are copied at once") {
  for (const PixelType type : {PixelType::u8, PixelType::f32})
    for (std::uint64_t seed = 0; seed < 8; ++seed) {  // copies and kernels in many orders
      emulator::reset(seed);
      test::check_device_moments(test::random_images(3 * 4128 + 261, 3, type));
    }
}

TEST_CASE("covariance on the device: sums of the brightest pixels are still exact") {
  emulator::reset();
  Images images = test::random_images(300, 5, PixelType::u8);
  const auto white = std::make_shared<std::vector<std::byte>>(300 * 5, std::byte{255});
  images.pixels = white->data();
  images.owner = white;
  test::check_device_moments(images);
}

TEST_CASE("covariance on the device: principal components are the CPU's") {
  for (const PixelType type : {PixelType::u8, PixelType::f32}) {
    emulator::reset();
    test::check_device_components(test::random_images(300, 20, type), 6);
    test::check_device_components(test::random_images(12, 20, type), 15);  // fewer than pixels
  }
}

TEST_CASE("covariance on the device: too little memory gives none, and takes none") {
  const Images images = test::random_images(20, 12, PixelType::u8);
  emulator::reset();
  emulator::set_memory_limit(20000);
  CHECK_FALSE(cuda::image_moments(images, 0));
  const auto names = emulator::call_names();
  CHECK(std::count(names.begin(), names.end(), "cudaMalloc") == 0);
  CHECK(emulator::live_objects().total() == 0);
  emulator::reset();
  CHECK_THROWS_AS(cuda::image_moments(images, 1), DeviceError);
}

TEST_CASE(
    "covariance on the device: every runtime call fails once: a typed error, nothing leaked") {
  const Images images = test::random_images(9000, 2, PixelType::u8);  // both slots, one twice
  emulator::reset(1);
  static_cast<void>(cuda::image_moments(images, 0));
  const auto calls = emulator::call_names();
  for (std::size_t n = 1; n <= calls.size(); ++n) {
    const cudaError_t error = n % 2 == 0 ? cudaErrorMemoryAllocation : cudaErrorIllegalAddress;
    emulator::reset(1);
    emulator::fail_call(n, error);
    INFO("call " << n << ", " << calls[n - 1] << ", " << cudaGetErrorName(error));
    std::string text = "no error";
    try {
      // Memory that is gone after all is no error: the CPU has some.
      if (!cuda::image_moments(images, 0)) text = cudaGetErrorName(cudaErrorMemoryAllocation);
    } catch (const Error& failure) {
      text = failure.what();
    }
    if (!test::is_release(calls[n - 1]))  // a call that releases has nobody to tell
      CHECK(text.find(cudaGetErrorName(error)) != std::string::npos);
    REQUIRE(emulator::live_objects().total() == 0);
  }
  emulator::reset();
}
