// Named ranges of the host's time: NVTX's calls, written down.
#include <stdexcept>

#include "emulator/runtime.h"
#include "nvtx3/nvToolsExt.h"

using emulator::CallScope;
using emulator::NamedRange;
using emulator::Runtime;

namespace {

std::size_t begin_range(Runtime& runtime, std::string path) {
  runtime.named_ranges.push_back({std::move(path), runtime.call_names.size(), emulator::not_ended});
  return runtime.named_ranges.size() - 1;
}

void end_range(Runtime& runtime, std::size_t number) {
  if (number >= runtime.named_ranges.size()) return;  // began before a reset
  runtime.named_ranges[number].end_call = runtime.call_names.size();
}

}  // namespace

namespace emulator {

std::vector<NamedRange> named_ranges() {
  CallScope scope(Runtime::instance());
  return Runtime::instance().named_ranges;
}

}  // namespace emulator

int nvtxRangePushA(const char* name) {
  Runtime& runtime = Runtime::instance();
  CallScope scope(runtime);
  std::string path = name;
  if (!runtime.open_ranges.empty())
    path = runtime.named_ranges[runtime.open_ranges.back()].path + "/" + path;
  runtime.open_ranges.push_back(begin_range(runtime, std::move(path)));
  return static_cast<int>(runtime.open_ranges.size()) - 1;
}

int nvtxRangePop() {
  Runtime& runtime = Runtime::instance();
  CallScope scope(runtime);
  if (runtime.open_ranges.empty()) throw std::logic_error("nvtxRangePop without a range");
  end_range(runtime, runtime.open_ranges.back());
  runtime.open_ranges.pop_back();
  return static_cast<int>(runtime.open_ranges.size());
}

nvtxRangeId_t nvtxRangeStartA(const char* name) {
  Runtime& runtime = Runtime::instance();
  CallScope scope(runtime);
  return begin_range(runtime, name);
}

void nvtxRangeEnd(nvtxRangeId_t range) {
  Runtime& runtime = Runtime::instance();
  CallScope scope(runtime);
  end_range(runtime, range);
}
