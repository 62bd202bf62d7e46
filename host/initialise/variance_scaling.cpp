#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "hourglass/error.h"
#include "hourglass/initialise.h"
#include "hourglass/nearest.h"
#include "hourglass/random.h"

namespace hourglass {
namespace {

constexpr std::array<std::string_view, 2> names{"variance_scaling", "principal"};

// Standard deviation of a standard normal cut at +-2.
constexpr double cut_deviation = 0.87962566103423978;

/// A standard normal number cut at +-2 for weight `index`: Box and Muller's method, tried again
/// with the next sub-index while outside.
double cut_normal(std::uint64_t seed, std::uint64_t index) {
  for (std::uint32_t attempt = 0;; ++attempt) {
    const auto words = philox(seed, Purpose::weights, index, attempt);
    const double radius = std::sqrt(-2.0 * std::log(unit_interval(words[0], words[1])));
    const double angle = 2.0 * std::numbers::pi * unit_interval(words[2], words[3]);
    const double normal = radius * std::cos(angle);
    if (std::abs(normal) < 2.0) return normal;
  }
}

}  // namespace

std::string_view name(Initialisation initialisation) {
  return names[static_cast<std::size_t>(initialisation)];
}

Initialisation parse_initialisation(std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) throw UsageError(unknown_name("initialisation", text, names));
  return static_cast<Initialisation>(found - names.begin());
}

std::vector<float> variance_scaling(const NetworkSpec& network, std::uint64_t seed) {
  std::vector<float> parameters(static_cast<std::size_t>(network.parameter_count()), 0.0F);
  for (const LayerSlot& slot : parameter_layout(network)) {
    const double deviation = std::sqrt(1.0 / static_cast<double>(slot.in)) / cut_deviation;
    for (std::int64_t i = slot.weight; i < slot.bias; ++i)
      parameters[static_cast<std::size_t>(i)] =
          static_cast<float>(deviation * cut_normal(seed, static_cast<std::uint64_t>(i)));
  }
  return parameters;
}

}  // namespace hourglass
