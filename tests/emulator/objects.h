// Streams, events and graphs behind CUDA's handles.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "emulator/operations.h"

namespace emulator {

struct Node {
  Work work;
  std::shared_ptr<Lane> lane;
  std::vector<std::size_t> after;  ///< earlier nodes of the same graph
};

/// A capture under way: streams add nodes instead of enqueueing operations.
struct Capture {
  std::vector<Node> nodes;
  bool valid = true;  ///< false after a call that a capture does not allow
};

}  // namespace emulator

struct CUstream_st {
  std::shared_ptr<emulator::Lane> lane;
  bool blocking = true;  ///< ordered with the default stream
  emulator::OperationPtr last;
  std::shared_ptr<emulator::Capture> capture;
  bool capture_origin = false;
  std::vector<std::size_t> capture_tail;  ///< nodes that the next one comes after
};

struct CUevent_st {
  bool timing = true;
  emulator::OperationPtr operation;            ///< recorded last; nullptr if never
  std::shared_ptr<emulator::Capture> capture;  ///< recorded in a capture
  std::vector<std::size_t> nodes;
};

struct CUgraph_st {
  std::shared_ptr<const std::vector<emulator::Node>> nodes;
};

struct CUgraphExec_st {
  std::shared_ptr<const std::vector<emulator::Node>> nodes;
  emulator::OperationPtr last;  ///< launches of one executable graph run one after the other
};
