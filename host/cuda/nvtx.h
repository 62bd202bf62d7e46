// Named ranges for Nsight Systems, where the toolkit's NVTX 3 headers are at hand; nothing
// elsewhere. Without a profiler a range costs a few nanoseconds.
#pragma once

#if !defined(HOURGLASS_EMULATOR) && __has_include(<nvtx3/nvToolsExt.h>)
#define HOURGLASS_NVTX 1
#include <nvtx3/nvToolsExt.h>
#endif

namespace hourglass::cuda {

/// Names the host's time from here to the end of the scope. In a graph's launches the phases of a
/// step are seen while it is captured; run with graphs off to see them in every step.
class NvtxRange {
 public:
#ifdef HOURGLASS_NVTX
  explicit NvtxRange(const char* name) { nvtxRangePushA(name); }
  ~NvtxRange() { nvtxRangePop(); }
#else
  explicit NvtxRange(const char*) {}
  ~NvtxRange() {}
#endif
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

}  // namespace hourglass::cuda
