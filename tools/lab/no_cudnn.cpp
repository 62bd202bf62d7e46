// The lab of a build without cuDNN: no versions by it.
#include "lab/entry.h"

namespace hourglass::tools::lab {

std::optional<Entry> cudnn_bias_activation(const Entry&, std::int64_t, std::int64_t, Activation) {
  return std::nullopt;
}

std::optional<Entry> cudnn_activation_backward(const Entry&, std::int64_t, std::int64_t,
                                               Activation) {
  return std::nullopt;
}

}  // namespace hourglass::tools::lab
