#include "kernels/accumulate.h"

#include "lab/entry.h"

namespace hourglass::tools::lab {

/// On the second moments of the images, as principal initialisation sums them.
std::vector<Entry> accumulate_entries(const Sizes& sizes) {
  const std::int64_t width = cuda::row_stride<float>(sizes.plan.network.input_width() + 1);
  const std::int64_t count = width * width;
  Entry entry = kernel_entry<float>("accumulate", shape_text(width, width),
                                    matrix_bytes(width, width, sizeof(float) + 2 * sizeof(double)));
  entry.make = [count](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      cuda::DeviceBuffer<double> sums;
      cuda::DeviceBuffer<float> terms;
    };
    auto operands =
        std::make_shared<Operands>(Operands{rig.zeros<double>(count), rig.random<float>(count)});
    return [=](cudaStream_t stream) {
      kernels::accumulate(operands->sums.data(), operands->terms.data(), count, stream);
    };
  };
  return {entry};
}

}  // namespace hourglass::tools::lab
