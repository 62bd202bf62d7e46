// Reading JSON that somebody else may have written.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hourglass {

/// What is wrong with a JSON text; whoever knows the file turns it into a typed error.
struct JsonError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Parses `text`: one JSON value, no key twice in an object, at most 32 levels and a million
/// values. Throws JsonError.
[[nodiscard]] nlohmann::json parse_json(std::string_view text);

/// Compact text. Bytes that are not UTF-8 become U+FFFD, so that an odd file name cannot keep a
/// result from being saved.
[[nodiscard]] std::string json_text(const nlohmann::json& value);

/// A whole number that fits; 1.0, "1" and true are none. Throws JsonError.
[[nodiscard]] std::int64_t whole_number(const nlohmann::json& value);

}  // namespace hourglass
