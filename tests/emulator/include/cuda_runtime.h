// Stand-in for the CUDA toolkit's header of the same name: kernel and engine sources that include
// <cuda_runtime.h> compile with g++ against the emulator. See tests/emulator/README.md.
#pragma once

#include "emulator/atomics.h"
#include "emulator/device.h"
#include "emulator/intrinsics.h"
#include "emulator/launch.h"
#include "emulator/qualifiers.h"
#include "emulator/runtime_api.h"
#include "emulator/vector_types.h"
