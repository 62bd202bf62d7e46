#include "hourglass/nearest.h"

#include <algorithm>
#include <vector>

namespace hourglass {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {  // Levenshtein
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view text, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, text.size() / 2);
  for (const std::string_view candidate : candidates) {
    const std::size_t distance = edit_distance(text, candidate);
    if (distance < best_distance || (distance == best_distance && best.empty())) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string unknown_name(std::string_view kind, std::string_view text,
                         std::span<const std::string_view> candidates) {
  std::string message = "unknown " + std::string(kind) + " '" + std::string(text) + "'.";
  if (const auto near = nearest_name(text, candidates); !near.empty())
    message += " Did you mean '" + std::string(near) + "'?";
  message += " Known:";
  for (const std::string_view candidate : candidates) message += " " + std::string(candidate);
  return message;
}

}  // namespace hourglass
