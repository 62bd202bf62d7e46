// What people look at: reconstructions as a picture and in the terminal, and the loss curve.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hourglass/png.h"

namespace hourglass {

/// Images side by side, twenty columns at most before a new block begins; each block has three
/// rows: originals, reconstructions, absolute difference. All are clipped to [0, 1]; NaN is black.
/// Small images are enlarged by a whole factor. `originals` and `reconstructions` are (count, rows
/// * cols).
[[nodiscard]] Picture reconstruction_grid(const float* originals, const float* reconstructions,
                                          std::int64_t count, std::int64_t rows, std::int64_t cols);

/// The same two sets as text of at most 80 columns: five images across, originals above
/// reconstructions. With `colour`, half blocks (U+2580) in the 256-colour grays; without, plain
/// ASCII characters.
[[nodiscard]] std::string terminal_picture(const float* originals, const float* reconstructions,
                                           std::int64_t count, std::int64_t rows, std::int64_t cols,
                                           bool colour);

struct CurvePoint {
  double x = 0;  // epochs or steps
  double loss = 0;
};

struct LossCurve {
  std::string title;
  std::string x_label = "epoch";
  std::string y_label = "MSE";
  std::vector<CurvePoint> train;       // every batch; drawn as it is and smoothed
  std::vector<CurvePoint> validation;  // drawn as points
  std::optional<double> reference;     // a horizontal line, such as PCA's MSE
  std::string reference_label = "PCA";
};

/// Draws losses over a logarithmic axis as 800x500 RGB. Points that are not positive and finite are
/// left out.
[[nodiscard]] Picture loss_curve(const LossCurve& curve);

}  // namespace hourglass
