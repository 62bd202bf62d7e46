#include "cuda/memory_budget.h"

#include <algorithm>

#include "hourglass/error.h"

namespace hourglass::cuda {
namespace {

DeviceError too_little(std::size_t needed, const std::string& found) {
  return DeviceError({"memory of the GPU", std::to_string(needed) + " bytes for this training",
                      found,
                      "Take a smaller --batch or network, stream the data (--stream stream), or "
                      "end what else runs on the GPU."});
}

}  // namespace

std::size_t usable_memory() {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  kernels::check(cudaMemGetInfo(&free_bytes, &total_bytes), "ask for free device memory");
  const std::size_t reserve = std::min(total_bytes / 32, std::size_t{256} << 20);
  return free_bytes - std::min(free_bytes, reserve);
}

void MemoryBudget::take(cudaStream_t stream) {
  const std::size_t available = usable_memory();
  const std::string free = std::to_string(available) + " bytes free";
  if (bytes() > available) throw too_little(bytes(), free);
  try {
    for (const auto& allocate : take_) allocate(stream);
  } catch (const kernels::CudaError& error) {  // another program was quicker
    if (error.error() != cudaErrorMemoryAllocation) throw;
    throw too_little(bytes(), free + " before the first of them was taken, then " + error.what());
  }
  take_.clear();
}

}  // namespace hourglass::cuda
