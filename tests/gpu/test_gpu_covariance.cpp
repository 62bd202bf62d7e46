// Moments of images on a GPU against the CPU's. Built twice, like test_gpu_engine.
#include "cuda/cuda_engine.h"
#include "support/covariance_checks.h"
#include "support/skip.h"

using namespace hourglass;

TEST_CASE("gpu: covariance and components: the CPU's bits for bytes, its tolerance for floats") {
  const cuda::CudaStatus status = cuda::cuda_device_status();
  if (status.devices.empty()) return test::skip(status.problem);
  for (const PixelType type : {PixelType::u8, PixelType::f32}) {
    for (const std::int64_t width : {1, 3, 8, 33, 257})
      for (const std::int64_t count : {1, 257, 258, 259, 9000})
        test::check_device_moments(test::random_images(count, width, type));
    test::check_device_moments(test::random_images(1000, 784, type));
    test::check_device_components(test::random_images(600, 100, type), 20);
    test::check_device_components(test::random_images(60, 100, type), 70);  // fewer than pixels
  }
}
