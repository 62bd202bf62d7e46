// Where training starts: variance scaling, and principal initialisation.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "hourglass/images.h"
#include "hourglass/moments.h"
#include "hourglass/network_spec.h"

namespace hourglass {

enum class Initialisation { variance_scaling, principal };

[[nodiscard]] std::string_view name(Initialisation initialisation);
[[nodiscard]] Initialisation parse_initialisation(std::string_view text);

/// Weights from a normal distribution cut at two standard deviations, of standard deviation
/// sqrt(1 / fan_in) after the cut; biases 0. TensorFlow's `variance_scaling_initializer`.
/// Weight `i` of the arena depends on (seed, i) alone.
[[nodiscard]] std::vector<float> variance_scaling(const NetworkSpec& network, std::uint64_t seed);

/// The leading principal components of a set of images.
struct PrincipalComponents {
  std::int64_t width = 0;
  std::vector<double> mean;        // (width)
  std::vector<double> directions;  // (count, width): orthonormal rows, by falling variance
  std::vector<double> variances;   // (count)
};

/// Widest input that principal components are computed for: the covariance matrix then takes 512
/// MB.
inline constexpr std::int64_t max_principal_width = 8192;

/// What computes the moments of images: the CPU, or a device.
using MomentsOf = std::function<Moments(const Images&)>;

/// Components of `images`; their eigenvectors are computed on the CPU. Signs are fixed: the entry
/// of largest magnitude of every direction is positive. For fewer images than pixels, `moments_of`
/// is asked for those of the images transposed. Throws UsageError when there are no images,
/// `count` > width, or the width is above the cap.
[[nodiscard]] PrincipalComponents principal_components(const Images& images, std::int64_t count,
                                                       const MomentsOf& moments_of);
/// The same with moments from the CPU, on `threads` threads, whose number does not change the bits.
[[nodiscard]] PrincipalComponents principal_components(const Images& images, std::int64_t count,
                                                       int threads);

/// Throws UsageError with the reason when principal initialisation cannot hold for `network`: code
/// and output must be linear, every other layer ReLU, GELU or linear and at least twice as wide as
/// the code, the code no wider than the input.
void require_principal(const NetworkSpec& network);

/// Principal initialisation: at step 0 the network is PCA with as many components as the code is
/// wide. A hidden layer carries each component c as a pair of units, act(c) and act(-c), since
/// relu(c) - relu(-c) = c (and likewise for GELU), scaled by 1.5; units beyond the pairs start with
/// variance-scaled weights going in and zeros going out, alive but silent.
///
/// Relatives in the literature: mirrored, "looks-linear" ReLU units (Balduzzi and others, The
/// Shattered Gradients Problem, 2017); a straddled matrix initialiser for autoencoders (Marais,
/// Hartstein and Cevora, arXiv 2311.10699); PCA-initialised layers (Seuret and others, 2017).
[[nodiscard]] std::vector<float> principal(const NetworkSpec& network, std::uint64_t seed,
                                           const PrincipalComponents& components);

/// PCA itself as a network width-count-width with linear layers, to be evaluated like any other.
struct PcaNetwork {
  NetworkSpec network;
  std::vector<float> parameters;
};
[[nodiscard]] PcaNetwork pca_network(const PrincipalComponents& components);

}  // namespace hourglass
