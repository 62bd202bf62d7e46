#include "cuda/gemm.h"

#include <algorithm>

#include "lab/entry.h"
#include "product_shapes.h"

namespace hourglass::tools::lab {
namespace {

using cuda::Arithmetic;
using cuda::Epilogue;
using Kind = ProductShape::Kind;

/// A product with operands of its own, laid out as in the engine's step.
template <typename Element>
struct GemmOperands {
  cuda::Product product;
  cuda::DeviceBuffer<Element> a;
  cuda::DeviceBuffer<Element> b;
  cuda::DeviceBuffer<float> c;
  cuda::DeviceBuffer<float> bias;  // also the bias gradient
  cuda::DeviceBuffer<std::byte> mask;
  int number = -1;

  GemmOperands(const ProductShape& shape, Epilogue epilogue, const Rig& rig) {
    const bool is_weights = shape.kind == Kind::weights;
    const auto padded = [](std::int64_t width) { return cuda::row_stride<Element>(width); };
    // fp32 weights lie in the arena, row after row; a bf16 copy of them has padded rows.
    const auto of_weights = [&](std::int64_t width) {
      return std::is_same_v<Element, float> ? width : padded(width);
    };
    product.rows = shape.rows;
    product.columns = shape.columns;
    product.depth = shape.depth;
    product.a_transposed = is_weights;
    product.b_transposed = shape.kind == Kind::forward;
    const std::int64_t b_width = product.b_transposed ? shape.depth : shape.columns;
    product.a_stride = padded(is_weights ? shape.rows : shape.depth);
    product.b_stride = is_weights ? padded(b_width) : of_weights(b_width);
    product.c_stride = is_weights ? shape.columns : padded(shape.columns);
    a = rig.random<Element>((is_weights ? shape.depth : shape.rows) * product.a_stride);
    b = rig.random<Element>((product.b_transposed ? shape.columns : shape.depth) *
                            product.b_stride);
    c = rig.zeros<float>(shape.rows * product.c_stride);
    product.a = a.data();
    product.b = b.data();
    product.c = c.data();
    product.epilogue = epilogue;
    if (epilogue == Epilogue::none) return;
    bias = rig.random<float>(shape.columns);
    mask = rig.zeros<std::byte>(cuda::mask_bytes(shape.rows, shape.columns));
    product.bias = bias.data();
    product.bias_gradient = bias.data();
    product.mask = mask.data();
  }
};

template <typename Element>
Operation product_operation(const ProductShape& shape, Epilogue epilogue, Arithmetic arithmetic,
                            Rig& rig) {
  auto operands = std::make_shared<GemmOperands<Element>>(shape, epilogue, rig);
  cuda::Gemm& products = rig.products(arithmetic);
  operands->number = products.prepare(operands->product, rig.stream().get());
  return [operands, &products](cudaStream_t stream) { products.run(operands->number, stream); };
}

Operation make_product(const ProductShape& shape, Epilogue epilogue, Arithmetic arithmetic,
                       Rig& rig) {
  if (arithmetic == Arithmetic::bf16)
    return product_operation<kernels::Bf16>(shape, epilogue, arithmetic, rig);
  return product_operation<float>(shape, epilogue, arithmetic, rig);
}

/// What the engine's fused way does with this product; none where it does nothing.
Epilogue fused_epilogue(const ProductShape& shape, const NetworkSpec& network,
                        Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::bf16) return Epilogue::none;
  const auto is_hidden_relu = [&](std::size_t layer) {
    return layer + 1 < network.activations.size() && network.activations[layer] == Activation::relu;
  };
  if (shape.kind == Kind::forward && is_hidden_relu(shape.layer)) return Epilogue::bias_relu;
  if (shape.kind == Kind::backward && is_hidden_relu(shape.layer - 1))
    return Epilogue::mask_and_bias_gradient;
  return Epilogue::none;
}

std::string product_name(const ProductShape& shape) {
  constexpr std::array kinds{"forward ", "data gradient ", "weight gradient "};
  return kinds[static_cast<std::size_t>(shape.kind)] + std::to_string(shape.layer);
}

Entry product_entry(const ProductShape& shape, Epilogue epilogue, Arithmetic arithmetic,
                    const Rates& rates) {
  const auto element = arithmetic == Arithmetic::bf16 ? sizeof(kernels::Bf16) : sizeof(float);
  const auto place = static_cast<std::size_t>(arithmetic);
  Entry entry;
  entry.name = product_name(shape);
  entry.version = epilogue == Epilogue::none ? "plain" : "fused";
  entry.precision = arithmetic_names[place];
  entry.shape = shape_text(shape.rows, shape.columns) + " x " + std::to_string(shape.depth);
  entry.bytes = static_cast<double>((shape.rows + shape.columns) * shape.depth) *
                    static_cast<double>(element) +
                static_cast<double>(shape.rows * shape.columns) * sizeof(float);
  if (epilogue != Epilogue::none)
    entry.bytes += static_cast<double>(cuda::mask_bytes(shape.rows, shape.columns));
  entry.flop = shape.flop();
  entry.peak_flop = rates.product_flop[place];
  entry.make = [=](Rig& rig, std::int64_t) {
    return make_product(shape, epilogue, arithmetic, rig);
  };
  return entry;
}

}  // namespace

std::vector<Entry> product_entries(const Sizes& sizes, const Rates& rates) {
  std::vector<Entry> entries;
  for (const ProductShape& shape : product_shapes(sizes.plan.network, sizes.batch))
    for (const Arithmetic arithmetic : {Arithmetic::tf32, Arithmetic::fp32, Arithmetic::bf16}) {
      entries.push_back(product_entry(shape, Epilogue::none, arithmetic, rates));
      const Epilogue fused = fused_epilogue(shape, sizes.plan.network, arithmetic);
      if (fused != Epilogue::none)
        entries.push_back(product_entry(shape, fused, arithmetic, rates));
    }
  return entries;
}

void measure_products(Rates& rates, Rig& rig) {
  const std::int64_t width = rig.options().peak_width;
  const ProductShape square{Kind::forward, 0, width, width, width};
  for (const Arithmetic arithmetic : {Arithmetic::tf32, Arithmetic::fp32, Arithmetic::bf16}) {
    std::vector<Candidate> candidates{
        timed_by_device("peak", {make_product(square, Epilogue::none, arithmetic, rig)}, rig)};
    time_interleaved(candidates, rig.options().rounds, rig.options().round_seconds);
    rates.product_flop[static_cast<std::size_t>(arithmetic)] =
        square.flop() / candidates.front().median();
  }
}

}  // namespace hourglass::tools::lab
