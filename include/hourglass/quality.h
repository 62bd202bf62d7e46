// How good a network is, in the figures the field quotes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hourglass/engine.h"
#include "hourglass/images.h"
#include "hourglass/initialise.h"
#include "hourglass/make_engine.h"

namespace hourglass {

/// Squared error of reconstructions. Papers quote `se`, tutorials `mse`; `se` = width * `mse`.
struct Quality {
  double mse = 0;         // mean over images and pixels
  double se = 0;          // summed over pixels, averaged over images
  double se_clipped = 0;  // `se` with reconstructions clipped to [0, 1]
};

[[nodiscard]] Quality quality(const Evaluation& evaluation, std::int64_t width);

/// Units that do nothing on the images evaluated.
struct DeadUnits {
  std::vector<std::int64_t> layers;  // by layer: units whose output is the same for every image
  std::int64_t code = 0;             // of the code layer
  /// Pixels lit somewhere in training whose reconstruction is never above 0.
  std::int64_t outputs = 0;
};

/// `lit_in_training` as from `lit_pixels`.
[[nodiscard]] DeadUnits dead_units(const Evaluation& evaluation, const NetworkSpec& network,
                                   const std::vector<bool>& lit_in_training);

/// Which pixels are above 0 in at least one image.
[[nodiscard]] std::vector<bool> lit_pixels(const Images& images);

/// PCA with as many components as a code is wide, judged like a network.
struct PcaQuality {
  std::int64_t components = 0;
  Quality test;
};

/// Evaluates PCA on `test` on the CPU with `threads` threads.
[[nodiscard]] PcaQuality pca_quality(const PrincipalComponents& components, const Images& test,
                                     int threads);

/// PCA of `training` with as many components as `network`'s code is wide, or as its input where
/// that is narrower, evaluated on `test`; none where the input is too wide for it. The request is a
/// resolved one: principal_components() of make_engine.h says what it decides.
[[nodiscard]] std::optional<PcaQuality> pca_beside(const NetworkSpec& network,
                                                   const Images& training, const Images& test,
                                                   const EngineRequest& request);

}  // namespace hourglass
