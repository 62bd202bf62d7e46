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
  Entry entry;
  entry.name = "gather";
  entry.precision = element_name<Element>;
  entry.shape = shape_text(args.batch, args.width);
  entry.bytes = static_cast<double>(args.batch * args.width) *
                static_cast<double>(images.pixel_bytes() + std::int64_t{sizeof(Element)});
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
