#include "kernels/metrics.h"

#include "kernels/loss.h"
#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

Entry squared_errors_entry(std::int64_t rows, std::int64_t columns) {
  const std::int64_t stride = cuda::row_stride<float>(columns);
  Entry entry = kernel_entry<float>("squared_errors", shape_text(rows, columns),
                                    matrix_bytes(rows, columns, 2 * sizeof(float)));
  entry.make = [=](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      cuda::DeviceBuffer<float> y;
      cuda::DeviceBuffer<float> x;
      cuda::DeviceBuffer<double> sums;
    };
    auto operands = std::make_shared<Operands>(Operands{rig.random<float>(rows * stride),
                                                        rig.random<float>(rows * stride),
                                                        rig.zeros<double>(2 * rows)});
    return [=](cudaStream_t stream) {
      kernels::squared_errors(operands->sums.data(), operands->y.data(), stride, operands->x.data(),
                              stride, rows, columns, stream);
    };
  };
  return entry;
}

template <typename Element>
Entry unit_range_entry(std::int64_t rows, std::int64_t columns) {
  const std::int64_t stride = cuda::row_stride<Element>(columns);
  Entry entry = kernel_entry<Element>("unit_range", shape_text(rows, columns),
                                      matrix_bytes(rows, columns, sizeof(Element)));
  entry.make = [=](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      cuda::DeviceBuffer<Element> a;
      cuda::DeviceBuffer<float> range;
    };
    auto operands = std::make_shared<Operands>(
        Operands{rig.random<Element>(rows * stride), rig.zeros<float>(2 * columns)});
    return [=](cudaStream_t stream) {
      kernels::unit_range(operands->range.data(), operands->range.data() + columns,
                          operands->a.data(), rows, columns, stride, stream);
    };
  };
  return entry;
}

Entry sum_partials_entry(std::int64_t count) {
  Entry entry = kernel_entry<float>("sum_partials", std::to_string(count) + " numbers",
                                    matrix_bytes(1, count, sizeof(float)));
  entry.make = [=](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      cuda::DeviceBuffer<float> partials;
      cuda::DeviceBuffer<double> sum;
    };
    auto operands =
        std::make_shared<Operands>(Operands{rig.random<float>(count), rig.zeros<double>(1)});
    return [=](cudaStream_t stream) {
      kernels::sum_partials(operands->sum.data(), operands->partials.data(), count, stream);
    };
  };
  return entry;
}

}  // namespace

std::vector<Entry> metrics_entries(const Sizes& sizes) {
  const std::int64_t width = sizes.plan.network.output_width();
  return {squared_errors_entry(sizes.batch, width), unit_range_entry<float>(sizes.batch, width),
          unit_range_entry<kernels::Bf16>(sizes.batch, width),
          sum_partials_entry(kernels::loss_partials(sizes.batch, width))};
}

void measure_launch(Rates& rates, Rig& rig) {
  std::vector<Candidate> candidates{
      timed_by_device("launch", {sum_partials_entry(1).make(rig, 0)}, rig)};
  time_interleaved(candidates, rig.options().rounds, rig.options().round_seconds);
  rates.launch_seconds = candidates.front().median();
}

}  // namespace hourglass::tools::lab
