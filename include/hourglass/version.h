// The version of hourglass, as its files name it.
#pragma once

#include <string_view>

namespace hourglass {

[[nodiscard]] constexpr std::string_view version() { return "0.1.0"; }

}  // namespace hourglass
