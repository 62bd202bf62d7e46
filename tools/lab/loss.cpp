#include "kernels/loss.h"

#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

template <typename Element>
Entry loss_entry(const Sizes& sizes) {
  constexpr bool in_place = std::is_same_v<Element, float>;
  kernels::LossArgs args;
  args.rows = sizes.batch;
  args.columns = sizes.plan.network.output_width();
  args.stride = args.z_stride = cuda::row_stride<Element>(args.columns);
  args.scale = 2.0F / static_cast<float>(args.rows * args.columns);
  args.activation = sizes.plan.network.activations.back();
  Entry entry = kernel_entry<Element>(
      "loss", shape_text(args.rows, args.columns),
      matrix_bytes(args.rows, args.columns, sizeof(float) + 2 * sizeof(Element)));
  entry.version = name(args.activation);
  entry.make = [args](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      kernels::LossArgs args;
      cuda::DeviceBuffer<float> z;
      cuda::DeviceBuffer<Element> target;
      cuda::DeviceBuffer<Element> dz;  // bf16 only
      cuda::DeviceBuffer<float> bias;
      cuda::DeviceBuffer<float> bias_partials;
      cuda::DeviceBuffer<float> loss_partials;
      cuda::DeviceBuffer<std::uint32_t> magnitudes;
    };
    const std::int64_t count = args.rows * args.stride;
    auto operands = std::make_shared<Operands>(
        Operands{args, rig.random<float>(count), rig.random<Element>(count),
                 rig.zeros<Element>(in_place ? 0 : count), rig.random<float>(args.columns),
                 rig.zeros<float>(kernels::loss_row_blocks(args.rows) * args.columns),
                 rig.zeros<float>(kernels::loss_partials(args.rows, args.columns)),
                 rig.zeros<std::uint32_t>(2)});
    kernels::LossArgs& a = operands->args;
    a.z = operands->z.data();
    a.bias = operands->bias.data();
    a.target = operands->target.data();
    a.bias_partials = operands->bias_partials.data();
    a.loss_partials = operands->loss_partials.data();
    a.output_magnitude = operands->magnitudes.data();
    a.gradient_magnitude = operands->magnitudes.data() + 1;
    return [operands](cudaStream_t stream) {
      if constexpr (in_place)
        kernels::loss(operands->z.data(), operands->args, stream);
      else
        kernels::loss(operands->dz.data(), operands->args, stream);
    };
  };
  return entry;
}

}  // namespace

std::vector<Entry> loss_entries(const Sizes& sizes) {
  return {loss_entry<float>(sizes), loss_entry<kernels::Bf16>(sizes)};
}

}  // namespace hourglass::tools::lab
