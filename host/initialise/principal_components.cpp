#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "hourglass/error.h"
#include "hourglass/initialise.h"
#include "initialise/covariance.h"

namespace hourglass {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// Eigenpairs of a symmetric matrix, largest first.
struct Spectrum {
  VectorXd values;
  MatrixXd vectors;  // by columns
};

Spectrum leading_spectrum(const MatrixXd& matrix, Index count) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(matrix);
  if (solver.info() != Eigen::Success)
    throw Error(ExitCode::internal, "the eigenvectors of the images' covariance did not converge");
  return {solver.eigenvalues().tail(count).reverse(),
          solver.eigenvectors().rightCols(count).rowwise().reverse()};
}

/// Images as columns, in double.
MatrixXd columns_of(const Images& images) {
  MatrixXd columns(images.width(), images.count);
  for (Index i = 0; i < columns.cols(); ++i) {
    const std::byte* row = images.row(i);
    if (images.type == PixelType::u8) {
      const auto* pixels = reinterpret_cast<const std::uint8_t*>(row);
      for (Index p = 0; p < columns.rows(); ++p) columns(p, i) = pixels[p] / 255.0;
    } else {
      const auto* pixels = reinterpret_cast<const float*>(row);
      for (Index p = 0; p < columns.rows(); ++p) columns(p, i) = static_cast<double>(pixels[p]);
    }
  }
  return columns;
}

/// Pixel i of every image as image i: (width) images of 1 x count pixels.
Images transposed(const Images& images) {
  const auto size = static_cast<std::size_t>(images.pixel_bytes());
  const auto width = static_cast<std::size_t>(images.width());
  const auto count = static_cast<std::size_t>(images.count);
  auto pixels = std::make_shared<std::vector<std::byte>>(width * count * size);
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = images.row(static_cast<std::int64_t>(i));
    for (std::size_t p = 0; p < width; ++p)
      std::memcpy(pixels->data() + (p * count + i) * size, row + p * size, size);
  }
  return {pixels, pixels->data(), images.type, images.width(), 1, images.count};
}

Spectrum spectrum_of_covariance(const Moments& moments, Index count) {
  const auto width = static_cast<Index>(moments.mean.size());
  return leading_spectrum(Eigen::Map<const MatrixXd>(moments.covariance.data(), width, width),
                          count);
}

/// For fewer images than pixels: the covariance X^T X / N of centred images X (N, width) has the
/// eigenvalues of the smaller matrix X X^T / N, and eigenvectors X^T u for its u.
Spectrum spectrum_of_products(const Images& images, std::vector<double>& mean, Index count,
                              const MomentsOf& moments_of) {
  const auto width = static_cast<Index>(images.width());
  const auto n = static_cast<Index>(images.count);
  // Products of images as they are; centring them on both sides is the same as centring the images.
  const Moments moments = moments_of(transposed(images));
  const Eigen::Map<const VectorXd> brightness(moments.mean.data(), n);
  MatrixXd products = Eigen::Map<const MatrixXd>(moments.covariance.data(), n, n);
  products += brightness * brightness.transpose();
  products *= static_cast<double>(width) / static_cast<double>(n);
  const VectorXd row_means = products.rowwise().mean();
  products.colwise() -= row_means;
  products.rowwise() -= row_means.transpose();
  products.array() += row_means.mean();
  const Index shared = std::min(count, n);
  Spectrum spectrum = leading_spectrum(products, shared);

  MatrixXd centred = columns_of(images);
  const VectorXd image_mean = centred.rowwise().mean();
  mean.assign(image_mean.begin(), image_mean.end());
  centred.colwise() -= image_mean;
  MatrixXd directions = centred * spectrum.vectors;
  directions.colwise().normalize();  // leaves a column of zeros as it is
  // Rounding spoils directions of little variance; and beyond the images' rank any direction that
  // is orthogonal to the others will do. Householder's Q has both.
  const Eigen::HouseholderQR<MatrixXd> factors(directions);
  spectrum.vectors = factors.householderQ() * MatrixXd::Identity(width, count);
  spectrum.values.conservativeResizeLike(VectorXd::Zero(count));
  return spectrum;
}

}  // namespace

PrincipalComponents principal_components(const Images& images, std::int64_t count,
                                         const MomentsOf& moments_of) {
  const std::int64_t width = images.width();
  if (width > max_principal_width)
    throw UsageError("principal components: the input is " + std::to_string(width) +
                     " wide, the cap is " + std::to_string(max_principal_width) +
                     ". Use --init variance_scaling.");
  if (images.count < 1) throw UsageError("principal components: there are no images");
  if (count < 1 || count > width)
    throw UsageError("principal components: expected between 1 and " + std::to_string(width) +
                     " of them, found " + std::to_string(count));
  PrincipalComponents components;
  components.width = width;
  Spectrum spectrum;
  if (images.count < width) {
    spectrum = spectrum_of_products(images, components.mean, count, moments_of);
  } else {
    Moments moments = moments_of(images);
    spectrum = spectrum_of_covariance(moments, count);
    components.mean = std::move(moments.mean);
  }
  for (Index i = 0; i < count; ++i) {
    VectorXd direction = spectrum.vectors.col(i);
    Index largest = 0;
    direction.cwiseAbs().maxCoeff(&largest);
    if (direction[largest] < 0) direction = -direction;
    components.variances.push_back(std::max(0.0, spectrum.values[i]));
    components.directions.insert(components.directions.end(), direction.begin(), direction.end());
  }
  return components;
}

PrincipalComponents principal_components(const Images& images, std::int64_t count, int threads) {
  return principal_components(
      images, count, [threads](const Images& part) { return image_moments(part, threads); });
}

}  // namespace hourglass
