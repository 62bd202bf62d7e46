#include "kernels/gather.h"

#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

template <typename Element>
Entry gather_entry(const Sizes& sizes) {
  const Images& images = sizes.plan.train;
  kernels::GatherArgs args;
  args.type = images.type;
  args.images = images.count;
  args.width = images.width();
  args.seed = sizes.plan.seed;
  args.batch = sizes.batch;
  args.stride = cuda::row_stride<Element>(args.width);
  const auto pixel_bytes = static_cast<std::size_t>(images.pixel_bytes());
  Entry entry =
      kernel_entry<Element>("gather", shape_text(args.batch, args.width),
                            matrix_bytes(args.batch, args.width, pixel_bytes + sizeof(Element)));
  entry.make = [args](Rig& rig, std::int64_t number) -> Operation {
    struct Operands {
      kernels::GatherArgs args;
      cuda::DeviceBuffer<Element> out;
      cuda::DeviceBuffer<std::int64_t> first_step;
    };
    auto operands = std::make_shared<Operands>(
        Operands{args, rig.zeros<Element>(args.batch * args.stride), rig.value(number)});
    operands->args.pixels = rig.pixels();
    operands->args.first_step = operands->first_step.data();
    return [operands](cudaStream_t stream) {
      kernels::gather(operands->out.data(), operands->args, stream);
    };
  };
  return entry;
}

}  // namespace

std::vector<Entry> gather_entries(const Sizes& sizes) {
  return {gather_entry<float>(sizes), gather_entry<kernels::Bf16>(sizes)};
}

}  // namespace hourglass::tools::lab
