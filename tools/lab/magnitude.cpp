#include "kernels/magnitude.h"

#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

Entry magnitude_entry(std::int64_t rows, std::int64_t columns) {
  const std::int64_t stride = cuda::row_stride<float>(columns);
  Entry entry = kernel_entry<float>("magnitude", shape_text(rows, columns),
                                    matrix_bytes(rows, columns, sizeof(float)));
  entry.make = [=](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      cuda::DeviceBuffer<float> a;
      cuda::DeviceBuffer<std::uint32_t> largest;
    };
    auto operands = std::make_shared<Operands>(
        Operands{rig.random<float>(rows * stride), rig.zeros<std::uint32_t>(1)});
    return [=](cudaStream_t stream) {
      kernels::magnitude(operands->largest.data(), operands->a.data(), rows, columns, stride,
                         stream);
    };
  };
  return entry;
}

}  // namespace

std::vector<Entry> magnitude_entries(const Sizes& sizes) {
  std::vector<Entry> entries;
  for (const std::size_t layer : different_hidden_layers(sizes.plan.network))
    entries.push_back(magnitude_entry(sizes.batch, sizes.plan.network.widths[layer + 1]));
  return entries;
}

}  // namespace hourglass::tools::lab
