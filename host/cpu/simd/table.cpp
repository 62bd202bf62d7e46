// The table of kernels for one instruction set; compiled once for each with its own flags.
#include "cpu/activations/gelu.h"
#include "cpu/activations/linear.h"
#include "cpu/activations/relu.h"
#include "cpu/activations/sigmoid.h"
#include "cpu/activations/tanh.h"
#include "cpu/kernels.h"
#include "cpu/simd/elementwise.h"
#include "cpu/simd/peak.h"
#include "cpu/simd/pixels.h"
#include "cpu/simd/product.h"
#include "cpu/simd/sparse.h"
#include "cpu/simd/weights.h"

#define HOURGLASS_TEXT_OF(name) #name
#define HOURGLASS_TEXT(name) HOURGLASS_TEXT_OF(name)

namespace hourglass::cpu::HOURGLASS_SIMD {
namespace {

template <typename Act>
void add_activation(Kernels& kernels, Activation activation) {
  const auto i = static_cast<std::size_t>(activation);
  kernels.activate[i] = activate<Act>;
  kernels.loss[i] = loss<Act>;
  kernels.backward[i] = backward<Act>;
  kernels.keeps_slope[i] = Act::keeps_slope;
  kernels.flat_at_zero[i] = Act::flat_at_zero;
}

Kernels make_table() {
  Kernels kernels;
  kernels.name = HOURGLASS_TEXT(HOURGLASS_SIMD);
  kernels.lanes = lanes;
  kernels.panel_width = panel_width;
  kernels.wide_panel_width = wide_panel_width;
  kernels.product = product;
  kernels.scale_pixels = scale_pixels;
  kernels.list_lit = list_lit;
  kernels.sparse_row = sparse_row;
  kernels.live_columns = live_columns;
  kernels.column_sum = column_sum;
  kernels.transpose = transpose;
  kernels.adam = adam;
  kernels.round_to_bf16 = round_numbers;
  kernels.multiply_add_rounds = multiply_add_rounds;
  add_activation<Relu>(kernels, Activation::relu);
  add_activation<Linear>(kernels, Activation::linear);
  add_activation<Sigmoid>(kernels, Activation::sigmoid);
  add_activation<Tanh>(kernels, Activation::tanh);
  add_activation<Gelu>(kernels, Activation::gelu);
  return kernels;
}

}  // namespace

const Kernels& table();
const Kernels& table() {
  static const Kernels kernels = make_table();
  return kernels;
}

}  // namespace hourglass::cpu::HOURGLASS_SIMD
