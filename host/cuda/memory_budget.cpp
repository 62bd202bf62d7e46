#include "cuda/memory_budget.h"

#include <algorithm>

namespace hourglass::cuda {

std::size_t usable_memory() {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  kernels::check(cudaMemGetInfo(&free_bytes, &total_bytes), "ask for free device memory");
  const std::size_t reserve = std::min(total_bytes / 32, std::size_t{256} << 20);
  return free_bytes - std::min(free_bytes, reserve);
}

void MemoryBudget::take(cudaStream_t stream) {
  const std::size_t available = usable_memory();
  if (bytes_ > available)
    throw DeviceError({"memory of the GPU", std::to_string(bytes_) + " bytes for this training",
                       std::to_string(available) + " bytes free",
                       "Take a smaller --batch or network, stream the data (--stream stream), or "
                       "end what else runs on the GPU."});
  for (const auto& allocate : take_) allocate(stream);
  take_.clear();
}

}  // namespace hourglass::cuda
