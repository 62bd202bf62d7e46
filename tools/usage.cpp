#include "usage.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "hourglass/nearest.h"

namespace hourglass::tools {
namespace {

std::string expected_found(const std::string& expected, const std::string& found) {
  return "expected " + expected + ", found '" + found + "'";
}

template <typename Integer>
bool reads_as(const std::string& text) {
  Integer value{};
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && next == end;
}

std::string check_whole(const std::string& text) {
  return reads_as<std::int64_t>(text) ? "" : expected_found("a whole number", text);
}

std::string check_unsigned(const std::string& text) {
  return reads_as<std::uint64_t>(text) ? "" : expected_found("a whole number of at least 0", text);
}

std::string check_real(const std::string& text) {
  char* end = nullptr;
  static_cast<void>(std::strtod(text.c_str(), &end));
  return end != text.c_str() && *end == '\0' ? "" : expected_found("a number", text);
}

/// "hourglass data fetch"
std::string full_name(const CLI::App& app) {
  const std::string before = parents(app);
  return before + (before.empty() ? "" : " ") + app.get_name();
}

std::string see_help(const CLI::App& app) { return " See `" + full_name(app) + " --help`."; }

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands({})) names.push_back(sub->get_name());
  return names;
}

/// A line a verb, below the message.
std::string verb_list(const CLI::App& app) {
  std::size_t widest = 0;
  for (const std::string& name : verbs_of(app)) widest = std::max(widest, name.size());
  std::string text = "\n";
  for (const CLI::App* sub : app.get_subcommands({})) {
    std::string name = sub->get_name();
    name.resize(widest + 2, ' ');
    text += "\n  " + full_name(app) + " " + name + sub->get_description();
  }
  return text;
}

/// "unknown flag '--sed'. Did you mean '--seed'?" for the first word that was not understood.
std::string unknown_word(const CLI::App& app, const std::string& word) {
  const bool is_flag = word.starts_with("-");
  const bool is_verb = !is_flag && !verbs_of(app).empty();
  std::vector<std::string> names = verbs_of(app);
  if (is_flag) {
    names.clear();
    for (const CLI::Option* option : app.get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::string found = is_flag ? word.substr(0, word.find('=')) : word;
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  std::string message = is_flag   ? "unknown flag '"
                        : is_verb ? "unknown verb '"
                                  : "unexpected word '";
  message += found + "'.";
  const std::string_view near = nearest_name(found, candidates);
  if (!near.empty()) message += " Did you mean '" + std::string(near) + "'?";
  message += see_help(app);
  return is_verb && near.empty() ? message + verb_list(app) : message;
}

/// The name that CLI11 puts first in a message about an option.
std::string first_word(const std::string& text) { return text.substr(0, text.find_first_of(": ")); }

}  // namespace

CLI::Validator whole_number(std::int64_t low, std::int64_t high) {
  const bool bounded = high != std::numeric_limits<std::int64_t>::max();
  const std::string range = bounded ? std::to_string(low) + " to " + std::to_string(high)
                                    : "at least " + std::to_string(low);
  const std::string expected = std::string("a whole number ") + (bounded ? "from " : "of ") + range;
  return CLI::Validator(
      [=](const std::string& text) {
        std::int64_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [next, error] = std::from_chars(text.data(), end, value);
        const bool right = error == std::errc{} && next == end && value >= low && value <= high;
        return right ? std::string() : expected_found(expected, text);
      },
      range);
}

void check_numbers(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();
    if (type.starts_with("INT")) option->check(check_whole, "");
    if (type.starts_with("UINT")) option->check(check_unsigned, "");
    if (type.starts_with("FLOAT")) option->check(check_real, "");
  }
  for (CLI::App* sub : app.get_subcommands({})) check_numbers(*sub);
}

const CLI::App& innermost(const CLI::App& app) {
  for (const CLI::App* sub : app.get_subcommands()) return innermost(*sub);
  return app;
}

std::string parents(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? "" : full_name(*parent);
}

std::string usage_message(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& inner = innermost(app);
  if (const std::vector<std::string> extras = app.remaining(true); !extras.empty())
    return unknown_word(inner, extras.front());
  const std::string text = error.what();
  if (error.get_name() == "RequiredError" && inner.get_subcommands().empty() &&
      !verbs_of(inner).empty())
    return full_name(inner) + ": expected a verb, found none." + see_help(inner) + verb_list(inner);
  const std::string name = first_word(text);
  const CLI::Option* option = inner.get_option_no_throw(name);
  if (error.get_name() == "RequiredError" && option != nullptr)
    return name + ": expected " + option->get_description() + ", found nothing." + see_help(inner);
  if (error.get_name() == "ArgumentMismatch" && option != nullptr)
    return name + ": expected one value, found " +
           (option->count() > 1 ? std::to_string(option->count()) : "none") + "." + see_help(inner);
  if (error.get_name() == "ExcludesError") {
    const std::string other = text.substr(text.rfind(' ') + 1);
    return name + ": expected no " + other + " beside it, found both. Leave one of the two out." +
           see_help(inner);
  }
  return text + "." + see_help(inner);
}

}  // namespace hourglass::tools
