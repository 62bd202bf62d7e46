// Named ranges for Nsight Systems, where the toolkit's NVTX 3 headers are at hand; nothing
// elsewhere. Without a profiler a range costs a few nanoseconds.
#pragma once

#if __has_include(<nvtx3/nvToolsExt.h>)
#define HOURGLASS_NVTX 1
#include <nvtx3/nvToolsExt.h>
#endif

#include <cstdint>
#include <string>

namespace hourglass::cuda {

/// Names the host's time from here to the end of the scope. The phases of a step in a graph are
/// seen while it is captured; without graphs they are seen in every step (docs/profiling.md).
class NvtxRange {
 public:
#ifdef HOURGLASS_NVTX
  explicit NvtxRange(const char* name) { nvtxRangePushA(name); }
  explicit NvtxRange(const std::string& name) : NvtxRange(name.c_str()) {}
  ~NvtxRange() { nvtxRangePop(); }
#else
  explicit NvtxRange(const char*) {}
  explicit NvtxRange(const std::string&) {}
  ~NvtxRange() {}
#endif
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

/// Ranges of epochs, which outlive the calls that run their steps.
class NvtxEpochs {
 public:
  NvtxEpochs() = default;
  ~NvtxEpochs() { leave(); }
  NvtxEpochs(const NvtxEpochs&) = delete;
  NvtxEpochs& operator=(const NvtxEpochs&) = delete;

  /// What follows belongs to this epoch.
  void enter(std::int64_t epoch) {
    if (epoch == epoch_) return;
    leave();
    epoch_ = epoch;
#ifdef HOURGLASS_NVTX
    range_ = nvtxRangeStartA(("epoch " + std::to_string(epoch)).c_str());
#endif
  }

  /// What follows belongs to none, until the next is entered.
  void leave() {
#ifdef HOURGLASS_NVTX
    if (epoch_ >= 0) nvtxRangeEnd(range_);
#endif
    epoch_ = -1;
  }

 private:
  std::int64_t epoch_ = -1;
#ifdef HOURGLASS_NVTX
  nvtxRangeId_t range_ = 0;
#endif
};

}  // namespace hourglass::cuda
