// A device's moments of images against the CPU's and the oracle's: for the emulator and for a GPU.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "cuda/covariance.h"
#include "hourglass/initialise.h"
#include "initialise/covariance.h"
#include "support/catch.h"
#include "support/engine_checks.h"
#include "support/numbers.h"
#include "support/tolerance.h"

namespace hourglass::test {

/// Images of random pixels that fill their type: all bytes, or floats in [0, 1) of 24 bits.
inline Images random_images(std::int64_t count, std::int64_t width, PixelType type,
                            std::uint64_t seed = 3) {
  Images images{nullptr, nullptr, type, count, 1, width};
  const auto numbers = uniform(static_cast<std::size_t>(count * width), seed, 0, 1);
  auto bytes = std::make_shared<std::vector<std::byte>>(
      numbers.size() * static_cast<std::size_t>(images.pixel_bytes()));
  if (type == PixelType::f32)
    std::memcpy(bytes->data(), numbers.data(), bytes->size());
  else
    for (std::size_t i = 0; i < numbers.size(); ++i)
      (*bytes)[i] = static_cast<std::byte>(256.0F * numbers[i]);
  images.pixels = bytes->data();
  images.owner = std::move(bytes);
  return images;
}

/// Moments in double, and the same sums over absolute values: what rounding can do is 16 u of that.
struct ExactMoments {
  Moments exact;
  std::vector<double> magnitude;  // of the covariance's entries
};

inline ExactMoments exact_moments(const Images& images) {
  const auto width = static_cast<std::size_t>(images.width());
  std::vector<double> totals(width, 0.0);
  std::vector<double> products(width * width, 0.0);
  for (std::int64_t image = 0; image < images.count; ++image) {
    std::vector<double> x;
    for (std::size_t i = 0; i < width; ++i) {
      const std::byte* const row = images.row(image);
      if (images.type == PixelType::u8) {
        x.push_back(std::to_integer<int>(row[i]));
      } else {
        float value = 0;
        std::memcpy(&value, row + i * sizeof(float), sizeof(float));
        x.push_back(static_cast<double>(value));
      }
    }
    for (std::size_t i = 0; i < width; ++i) {
      totals[i] += x[i];
      for (std::size_t j = 0; j < width; ++j) products[i * width + j] += x[i] * x[j];
    }
  }
  ExactMoments result;
  result.exact = moments_of_sums(
      images, [&](std::int64_t i) { return totals[static_cast<std::size_t>(i)]; },
      [&](std::int64_t i, std::int64_t j) {
        return products[static_cast<std::size_t>(i) * width + static_cast<std::size_t>(j)];
      });
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t j = 0; j < width; ++j) {
      const double means = result.exact.mean[i] * result.exact.mean[j];
      result.magnitude.push_back(result.exact.covariance[i * width + j] + 2 * means);
    }
  return result;
}

/// Bytes: the CPU's bits. Floats: within 16 u of the exact moments, and so within 32 u of the
/// CPU's, which are as near to them.
inline void check_device_moments(const Images& images, int device = 0) {
  INFO(images.count << " images of " << images.width() << " pixels, "
                    << (images.type == PixelType::u8 ? "u8" : "f32"));
  const auto found = cuda::image_moments(images, device);
  REQUIRE(found);
  const Moments host = image_moments(images, 2);
  REQUIRE(found->mean.size() == host.mean.size());
  REQUIRE(found->covariance.size() == host.covariance.size());
  if (images.type == PixelType::u8) {
    CHECK(found->mean == host.mean);
    CHECK(found->covariance == host.covariance);
    return;
  }
  const ExactMoments exact = exact_moments(images);
  WorstError from_exact;
  WorstError from_host;
  const auto add = [&](double device_value, double host_value, double exact_value,
                       double magnitude) {
    from_exact.add(device_value, exact_value, magnitude);
    from_host.add(device_value, host_value, magnitude);
  };
  for (std::size_t i = 0; i < host.mean.size(); ++i)
    add(found->mean[i], host.mean[i], exact.exact.mean[i], exact.exact.mean[i]);
  for (std::size_t i = 0; i < host.covariance.size(); ++i)
    add(found->covariance[i], host.covariance[i], exact.exact.covariance[i], exact.magnitude[i]);
  CHECK(from_exact.value() <= blas_threshold);
  CHECK(from_host.value() <= 2 * blas_threshold);
}

/// Components from a device's moments beside those from the CPU's. Bytes: the same bits, signs and
/// all. Floats: by Weyl's inequality no variance moves by more than the norm of the moments'
/// difference, at most 32 u of the norm of their magnitudes; the eigenvectors' own rounding is in
/// double.
inline void check_device_components(const Images& images, std::int64_t count, int device = 0) {
  INFO(images.count << " images of " << images.width() << " pixels, " << count << " components");
  const auto host = principal_components(images, count, 2);
  int asked = 0;
  const auto found = principal_components(images, count, [&](const Images& part) {
    ++asked;
    return cuda::image_moments(part, device).value();
  });
  CHECK(asked == 1);
  if (images.type == PixelType::u8) {
    CHECK(found.mean == host.mean);
    CHECK(found.directions == host.directions);
    CHECK(found.variances == host.variances);
    return;
  }
  double square = 0;
  for (const double magnitude : exact_moments(images).magnitude) square += magnitude * magnitude;
  for (std::size_t i = 0; i < host.mean.size(); ++i)
    CHECK(error_in_u(found.mean[i], host.mean[i], host.mean[i]) <= 2 * blas_threshold);
  for (std::size_t i = 0; i < host.variances.size(); ++i)
    CHECK(error_in_u(found.variances[i], host.variances[i], std::sqrt(square)) <=
          2 * blas_threshold);
}

}  // namespace hourglass::test
