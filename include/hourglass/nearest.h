// "Did you mean": the nearest of a list of names.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hourglass {

/// The candidate with the smallest edit distance to `text`; empty when none is near (more than half
/// of the letters would have to change).
[[nodiscard]] std::string_view nearest_name(std::string_view text,
                                            std::span<const std::string_view> candidates);

/// Message for an unknown name: lists the candidates and suggests the nearest.
[[nodiscard]] std::string unknown_name(std::string_view kind, std::string_view text,
                                       std::span<const std::string_view> candidates);

}  // namespace hourglass
