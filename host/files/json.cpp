#include "files/json.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace hourglass {
namespace {

using nlohmann::json;

constexpr int deepest = 32;
constexpr std::size_t most_values = 1'000'000;

/// Watches the parser build a value; nlohmann-json itself keeps the last of duplicate keys.
class Guard {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    using Event = json::parse_event_t;
    if (depth > deepest) throw JsonError{"nesting deeper than 32 levels"};
    if (++values_ > most_values) throw JsonError{"more than a million values"};
    if (event == Event::object_start) {
      keys_.emplace_back();
    } else if (event == Event::object_end) {
      keys_.pop_back();
    } else if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) throw JsonError{"the key \"" + key + "\" twice"};
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> keys_;
  std::size_t values_ = 0;
};

}  // namespace

nlohmann::json parse_json(std::string_view text) {
  // The lexer takes a NUL for the end of its input and would ignore what follows.
  if (text.find('\0') != std::string_view::npos) throw JsonError{"a NUL byte in JSON"};
  Guard guard;
  try {
    return json::parse(text.begin(), text.end(),
                       [&guard](int depth, json::parse_event_t event, json& parsed) {
                         return guard(depth, event, parsed);
                       });
  } catch (const json::exception& error) {
    throw JsonError{error.what()};
  }
}

std::string json_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::int64_t whole_number(const nlohmann::json& value) {
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() > largest))
    throw JsonError{json_text(value) + " where a whole number belongs"};
  return value.get<std::int64_t>();
}

}  // namespace hourglass
