// Stand-in for the CUDA toolkit's header of the same name: ranges are written down, for
// emulator::named_ranges().
#pragma once

#include <cstdint>

using nvtxRangeId_t = std::uint64_t;

int nvtxRangePushA(const char* name);
int nvtxRangePop();
nvtxRangeId_t nvtxRangeStartA(const char* name);
void nvtxRangeEnd(nvtxRangeId_t range);
