// Stand-in for the CUDA toolkit's header of the same name.
#pragma once

#include "cuda_runtime.h"

cudaError_t cudaProfilerStart();
cudaError_t cudaProfilerStop();
