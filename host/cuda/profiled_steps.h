// Steps [first, last) between the CUDA profiler's start and stop: `--profile-steps`.
#pragma once

#include <cuda_profiler_api.h>

#include <algorithm>
#include <cstdint>

#include "cuda/stream.h"
#include "kernels/check.h"

namespace hourglass::cuda {

class ProfiledSteps {
 public:
  ProfiledSteps(std::int64_t first, std::int64_t last) : first_(first), last_(last) {}
  ~ProfiledSteps() {  // of a run that ends early
    if (on_) static_cast<void>(cudaProfilerStop());
  }
  ProfiledSteps(const ProfiledSteps&) = delete;
  ProfiledSteps& operator=(const ProfiledSteps&) = delete;

  /// Whether the profiler has to be switched before `step` is enqueued.
  [[nodiscard]] bool starts_at(std::int64_t step) const { return !on_ && contains(step); }
  [[nodiscard]] bool stops_at(std::int64_t step) const { return on_ && !contains(step); }

  /// Both wait for what is in the stream, so that nothing else falls between them.
  void start(const Stream& main) {
    main.synchronize();
    kernels::check(cudaProfilerStart(), "start the profiler");
    on_ = true;
  }
  void stop(const Stream& main) {
    main.synchronize();
    kernels::check(cudaProfilerStop(), "stop the profiler");
    on_ = false;
  }

  /// Where a block of steps that begins at `step` has to end: at `end`, or where the profiler is
  /// switched before that.
  [[nodiscard]] std::int64_t next_switch(std::int64_t step, std::int64_t end) const {
    if (step < first_) return std::min(first_, end);
    if (step < last_) return std::min(last_, end);
    return end;
  }

 private:
  [[nodiscard]] bool contains(std::int64_t step) const { return step >= first_ && step < last_; }

  std::int64_t first_;
  std::int64_t last_;
  bool on_ = false;
};

}  // namespace hourglass::cuda
