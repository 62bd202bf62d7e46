#include "kernels/bias_activation.h"

#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

template <typename Element>
Entry bias_activation_entry(const Sizes& sizes, std::size_t layer) {
  constexpr bool in_place = std::is_same_v<Element, float>;
  const std::int64_t rows = sizes.batch;
  const std::int64_t columns = sizes.plan.network.widths[layer + 1];
  const std::int64_t stride = cuda::row_stride<Element>(columns);
  const Activation activation = sizes.plan.network.activations[layer];
  const bool slopes = activation == Activation::gelu;
  Entry entry = kernel_entry<Element>(
      "bias_activation", shape_text(rows, columns),
      matrix_bytes(rows, columns, sizeof(float) + sizeof(Element) + (slopes ? sizeof(float) : 0)));
  entry.version = name(activation);
  entry.make = [=](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      cuda::DeviceBuffer<float> z;
      cuda::DeviceBuffer<Element> a;  // bf16 only
      cuda::DeviceBuffer<float> slope;
      cuda::DeviceBuffer<float> bias;
      cuda::DeviceBuffer<std::uint32_t> magnitude;
    };
    auto operands = std::make_shared<Operands>(
        Operands{rig.random<float>(rows * stride), rig.zeros<Element>(in_place ? 0 : rows * stride),
                 rig.zeros<float>(slopes ? rows * stride : 0), rig.random<float>(columns),
                 rig.zeros<std::uint32_t>(1)});
    return [=](cudaStream_t stream) {
      Operands& o = *operands;
      if constexpr (in_place)
        kernels::bias_activation(o.z.data(), o.slope.data(), o.bias.data(), o.magnitude.data(),
                                 activation, rows, columns, stride, stream);
      else
        kernels::bias_activation(o.a.data(), o.z.data(), o.slope.data(), o.bias.data(),
                                 o.magnitude.data(), activation, rows, columns, stride, stream);
    };
  };
  return entry;
}

}  // namespace

std::vector<Entry> bias_activation_entries(const Sizes& sizes) {
  return hidden_layer_entries(
      sizes,
      [&]<typename Element>(std::size_t layer) {
        return bias_activation_entry<Element>(sizes, layer);
      },
      cudnn_bias_activation);
}

}  // namespace hourglass::tools::lab
