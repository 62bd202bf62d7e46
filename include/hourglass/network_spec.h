// What a network is: widths and activations, and where each layer's numbers lie in a flat arena.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hourglass/activation.h"

namespace hourglass {

/// A dense autoencoder. Layer `l` in [0, layers()) maps widths[l] numbers to widths[l + 1]:
/// `z = a W^T + b`, `a = act(z)`, W row-major (out, in) as in torch.nn.Linear.
struct NetworkSpec {
  std::vector<std::int64_t> widths;     // (layers + 1)
  std::vector<Activation> activations;  // (layers)

  [[nodiscard]] int layers() const { return static_cast<int>(activations.size()); }
  [[nodiscard]] std::int64_t input_width() const { return widths.front(); }
  [[nodiscard]] std::int64_t output_width() const { return widths.back(); }
  /// Layers of the encoder: the code is the output of layer `encoder_layers() - 1`, the narrowest
  /// hidden layer (the first of equals).
  [[nodiscard]] int encoder_layers() const;
  [[nodiscard]] std::int64_t code_width() const {
    return widths[static_cast<std::size_t>(encoder_layers())];
  }
  [[nodiscard]] std::int64_t parameter_count() const;
  /// Throws UsageError unless there are at least two layers, every width is in [1, 1'000'000] and
  /// the output is as wide as the input.
  void validate() const;
  /// For example "784-392-196-392-784 relu,relu,linear,...".
  [[nodiscard]] std::string describe() const;

  bool operator==(const NetworkSpec&) const = default;
};

/// Reads "784,392,196,392,784" (or with '-'). A list that ends in its first width is a whole
/// network; one whose every width is less than the one before is an encoder and is mirrored:
/// "784,392,196" is the same network. Throws UsageError for any other, as for a mistyped number.
[[nodiscard]] std::vector<std::int64_t> parse_widths(std::string_view text);

/// Where layer `l` lies in a parameter arena: W (out, in) row-major, then b (out), layer by layer.
/// The one documented layout of parameters and of both of Adam's moments.
struct LayerSlot {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t weight = 0;  // offset of W in floats
  std::int64_t bias = 0;    // offset of b in floats
};

[[nodiscard]] std::vector<LayerSlot> parameter_layout(const NetworkSpec& network);

}  // namespace hourglass
