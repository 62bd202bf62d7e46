// Why something is not timed.
#pragma once

#include <string>

#include "hourglass/error.h"

namespace hourglass::tools::lab {

/// An operation that this machine cannot run: its row says so, and the others go on.
class Unavailable : public Error {
 public:
  explicit Unavailable(const std::string& why) : Error(ExitCode::device, why) {}
};

}  // namespace hourglass::tools::lab
