// The CPU engine's kernels, as a table of functions for each instruction set. The table is filled
// in simd/table.cpp, which is compiled once for each set; `best_kernels()` picks at run time.
//
// Shapes: `stride` is the distance of two rows in floats. Blocks of columns are at most
// `panel_width` wide and buffers are padded to whole vectors. Padding of activations and gradients
// holds zeros and stays zero; that of weight panels is never read.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "hourglass/activation.h"
#include "hourglass/optimizer.h"

namespace hourglass::cpu {

/// C (rows, columns) = or += A (rows, depth) B (depth, columns).
/// A(row, k) is a[row * a_stride + k] when `k_contiguous`, a[k * a_stride + row] otherwise.
/// 2 * rows * depth * columns FLOP; A, B and C are meant to lie in the caches.
struct ProductArgs {
  const float* a = nullptr;
  std::int64_t a_stride = 0;
  bool k_contiguous = true;
  std::int64_t rows = 0;
  std::int64_t depth = 0;
  std::int64_t columns = 0;      // <= panel_width
  const float* panel = nullptr;  // (depth, panel_width)
  float* c = nullptr;            // (rows, panel_width)
  std::int64_t c_stride = 0;
  bool accumulate = false;
  const float* next_panel = nullptr;  // fetched into the second-level cache meanwhile; may be null
};

/// a = act(z + bias), in place, and the largest magnitude bits seen.
struct ActivateArgs {
  float* z = nullptr;  // (rows, columns) in: products; out: outputs
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const float* bias = nullptr;  // (columns)
  float* slope = nullptr;       // same shape and stride as z; only for activations that keep it
  std::uint32_t* magnitude = nullptr;
  float* packed = nullptr;  // null, or (rows, panel_width): a second copy of a block of one panel
  bool bf16 = false;        // outputs are rounded to bf16, for the next product
};

/// The output layer while training: y = act(z + bias), loss += (y - x)^2,
/// dz = scale (y - x) act'(z), written over z.
struct LossArgs {
  float* z = nullptr;  // (rows, columns) in: products; out: dz
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const float* bias = nullptr;
  const float* target = nullptr;  // (rows, columns)
  std::int64_t target_stride = 0;
  float scale = 0;
  float* row_loss = nullptr;  // (rows, lanes): partial sums of a row
  std::uint32_t* output_magnitude = nullptr;
  std::uint32_t* gradient_magnitude = nullptr;
  float* exact_sums = nullptr;  // null, or (columns): dz, added by column before it is rounded to
                                // bf16
};

/// dz = da act'(z), in place; `kept` is the activation's output, or its slope where it keeps it.
struct BackwardArgs {
  float* da = nullptr;  // (rows, columns)
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const float* kept = nullptr;
  std::int64_t kept_stride = 0;
  std::uint32_t* magnitude = nullptr;
  float* packed = nullptr;  // null, or (rows, panel_width): a second copy of a block of one panel
  float* exact_sums = nullptr;  // as in LossArgs
};

/// One pass of Adam. Moves 28 bytes and does 12 FLOP a parameter.
struct AdamArgs {
  float* parameters = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  const float* gradient = nullptr;
  std::int64_t count = 0;
  AdamStep scalars;
};

/// A lit pixel of an image, or an image of a lit pixel.
struct Lit {
  std::uint32_t index = 0;
  float value = 0;
};

/// c (columns) = or += sum over `lit` of value * rows_of[index], a row being `stride` floats.
/// 2 * lit * columns FLOP. Terms are added in the order of `lit`: for ascending indices the result
/// has the bits of the dense product.
struct SparseRowArgs {
  std::span<const Lit> lit;
  const float* rows_of = nullptr;
  std::int64_t stride = 0;
  std::int64_t columns = 0;  // <= wide_panel_width
  float* c = nullptr;
  bool accumulate = false;
};

/// Writes the numbers of the columns of a block (rows, columns) that hold something other than zero
/// to `live`, ascending; one more element of it may be written.
struct LiveColumnsArgs {
  const float* block = nullptr;
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::uint32_t* live = nullptr;
};

/// sums (columns) = sum over rows of z, in ascending order.
struct ColumnSumArgs {
  const float* z = nullptr;
  std::int64_t stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  float* sums = nullptr;
};

/// destination (destination_rows, panel_width) = source (rows, panel_width) transposed, where
/// `rows`
/// <= panel_width; missing rows become zeros.
struct TransposeArgs {
  const float* source = nullptr;
  std::int64_t rows = 0;
  float* destination = nullptr;
  std::int64_t destination_rows = 0;  // columns of the source that exist
  bool bf16 = false;                  // the copy is rounded to bf16
};

struct Kernels {
  std::string_view name;  // "avx2"
  int lanes = 0;
  int panel_width = 0;       // columns of a panel of the dense products
  int wide_panel_width = 0;  // columns of a panel of the sparse ones
  void (*product)(const ProductArgs&) = nullptr;
  /// out (count) = pixels / 255, rounded once.
  void (*scale_pixels)(const std::uint8_t* pixels, std::int64_t count, float* out) = nullptr;
  /// Writes what is not zero of x [first, last) to `out`, in order, and returns how many that were;
  /// one more element of `out` may be written.
  std::int64_t (*list_lit)(const float* x, std::int64_t first, std::int64_t last,
                           Lit* out) = nullptr;
  void (*sparse_row)(const SparseRowArgs&) = nullptr;
  /// Returns how many columns it wrote.
  std::int64_t (*live_columns)(const LiveColumnsArgs&) = nullptr;
  void (*column_sum)(const ColumnSumArgs&) = nullptr;
  void (*transpose)(const TransposeArgs&) = nullptr;
  void (*adam)(const AdamArgs&) = nullptr;
  /// to (count) = from, rounded to the nearest bf16, ties to even; up to a whole vector is written.
  /// NaN stays NaN. `from` and `to` may be the same.
  void (*round_to_bf16)(const float* from, std::int64_t count, float* to) = nullptr;
  /// Does `rounds` rounds of independent multiply-adds in registers and returns how many FLOP that
  /// were: what the processor can do at most.
  double (*multiply_add_rounds)(std::int64_t rounds) = nullptr;
  // By activation.
  std::array<void (*)(const ActivateArgs&), all_activations.size()> activate{};
  std::array<void (*)(const LossArgs&), all_activations.size()> loss{};
  std::array<void (*)(const BackwardArgs&), all_activations.size()> backward{};
  std::array<bool, all_activations.size()> keeps_slope{};
  std::array<bool, all_activations.size()> flat_at_zero{};  // an output of 0 has a slope of 0
};

/// The place of an activation in a table's arrays.
[[nodiscard]] constexpr std::size_t index_of(Activation activation) {
  return static_cast<std::size_t>(activation);
}

/// Every table this build has and this CPU can run, slowest first; never empty.
[[nodiscard]] std::span<const Kernels* const> available_kernels();
[[nodiscard]] const Kernels& best_kernels();

}  // namespace hourglass::cpu
