// Operations timed by the device itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lab/rig.h"
#include "timing.h"

namespace hourglass::tools::lab {

/// Puts one launch into a stream. It owns its operands.
using Operation = std::function<void(cudaStream_t)>;

/// Times launches of the operations in turn, put into a graph of at least Options::launches, by
/// events around as many launches of the graph as are asked for. A graph leaves out what the host
/// needs to start a kernel, as in the engine's steps.
[[nodiscard]] Candidate timed_by_device(std::string name, std::vector<Operation> operations,
                                        Rig& rig);

}  // namespace hourglass::tools::lab
