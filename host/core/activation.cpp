#include "hourglass/activation.h"

#include <algorithm>

#include "hourglass/error.h"
#include "hourglass/nearest.h"

namespace hourglass {
namespace {

constexpr std::array<std::string_view, all_activations.size()> names{"relu", "linear", "sigmoid",
                                                                     "tanh", "gelu"};

}  // namespace

std::string_view name(Activation activation) { return names[static_cast<std::size_t>(activation)]; }

Activation parse_activation(std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) throw UsageError(unknown_name("activation", text, names));
  return all_activations[static_cast<std::size_t>(found - names.begin())];
}

}  // namespace hourglass
