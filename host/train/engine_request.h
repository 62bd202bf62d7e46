// The words of an engine request.
#pragma once

#include <string_view>

namespace hourglass {

/// The number in "cuda:1"; 0 for "cuda". Throws UsageError.
[[nodiscard]] int cuda_index(std::string_view device);

}  // namespace hourglass
