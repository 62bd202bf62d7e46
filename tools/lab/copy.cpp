#include "kernels/copy.h"

#include <algorithm>

#include "cuda/memory_budget.h"
#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

/// Bytes a second, read and written, of the faster of two copies, both of `count` floats: the
/// project's kernel and the runtime's.
double copy_rate(std::int64_t count, Rig& rig) {
  struct Operands {
    cuda::DeviceBuffer<float> from;
    cuda::DeviceBuffer<float> to;
  };
  auto operands =
      std::make_shared<Operands>(Operands{rig.random<float>(count), rig.zeros<float>(count)});
  const Operation own = [=](cudaStream_t stream) {
    kernels::copy(operands->to.data(), operands->from.data(), count, stream);
  };
  const Operation library = [=](cudaStream_t stream) {
    kernels::check(cudaMemcpyAsync(operands->to.data(), operands->from.data(),
                                   operands->from.bytes(), cudaMemcpyDeviceToDevice, stream),
                   "copy on the device");
  };
  std::vector<Candidate> candidates{timed_by_device("kernel", {own}, rig),
                                    timed_by_device("memcpy", {library}, rig)};
  time_interleaved(candidates, rig.options().rounds, rig.options().round_seconds);
  const double seconds = std::min(candidates[0].median(), candidates[1].median());
  return 2.0 * static_cast<double>(operands->from.bytes()) / seconds;
}

}  // namespace

void measure_copies(Rates& rates, Rig& rig) {
  const auto float_bytes = static_cast<std::int64_t>(sizeof(float));
  // Both ends within the cache. Where it is best depends on how the cache is cut: take the best.
  for (const std::int64_t share : {16, 8, 4}) {
    const std::int64_t count = rig.l2_bytes() / share / float_bytes;
    rates.l2_bytes = std::max(rates.l2_bytes, copy_rate(count, rig));
  }
  const auto usable = static_cast<std::int64_t>(cuda::usable_memory());
  const std::int64_t outside = std::min(8 * rig.l2_bytes(), usable / 4);
  rates.memory_bytes = copy_rate(outside / float_bytes, rig);
}

}  // namespace hourglass::tools::lab
