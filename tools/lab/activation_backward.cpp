#include "kernels/activation_backward.h"

#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

template <typename Element>
Entry activation_backward_entry(const Sizes& sizes, std::size_t layer) {
  constexpr bool in_place = std::is_same_v<Element, float>;
  kernels::BackwardArgs args;
  args.rows = sizes.batch;
  args.columns = sizes.plan.network.widths[layer + 1];
  args.stride = args.da_stride = cuda::row_stride<Element>(args.columns);
  args.activation = sizes.plan.network.activations[layer];
  const bool slopes = args.activation == Activation::gelu;
  Entry entry = kernel_entry<Element>(
      "activation_backward", shape_text(args.rows, args.columns),
      matrix_bytes(args.rows, args.columns,
                   sizeof(float) + sizeof(Element) + (slopes ? sizeof(float) : sizeof(Element))));
  entry.version = name(args.activation);
  entry.make = [args, slopes](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      kernels::BackwardArgs args;
      cuda::DeviceBuffer<float> da;
      cuda::DeviceBuffer<Element> outputs;
      cuda::DeviceBuffer<float> slopes;
      cuda::DeviceBuffer<Element> dz;  // bf16 only
      cuda::DeviceBuffer<float> bias_partials;
      cuda::DeviceBuffer<std::uint32_t> magnitude;
    };
    const std::int64_t count = args.rows * args.stride;
    auto operands = std::make_shared<Operands>(
        Operands{args, rig.random<float>(count), rig.random<Element>(slopes ? 0 : count),
                 rig.random<float>(slopes ? count : 0), rig.zeros<Element>(in_place ? 0 : count),
                 rig.zeros<float>(kernels::backward_row_blocks(args.rows) * args.columns),
                 rig.zeros<std::uint32_t>(1)});
    kernels::BackwardArgs& a = operands->args;
    a.da = operands->da.data();
    if (slopes)
      a.kept = operands->slopes.data();
    else
      a.kept = operands->outputs.data();
    a.bias_partials = operands->bias_partials.data();
    a.magnitude = operands->magnitude.data();
    return [operands](cudaStream_t stream) {
      if constexpr (in_place)
        kernels::activation_backward(operands->da.data(), operands->args, stream);
      else
        kernels::activation_backward(operands->dz.data(), operands->args, stream);
    };
  };
  return entry;
}

}  // namespace

std::vector<Entry> activation_backward_entries(const Sizes& sizes) {
  return hidden_layer_entries(
      sizes,
      [&]<typename Element>(std::size_t layer) {
        return activation_backward_entry<Element>(sizes, layer);
      },
      cudnn_activation_backward);
}

}  // namespace hourglass::tools::lab
