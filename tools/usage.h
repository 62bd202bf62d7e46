// What the command answers to words that it does not understand.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>

namespace hourglass::tools {

/// For Option::check: a whole number in [low, high], said so in the help text and the message.
[[nodiscard]] CLI::Validator whole_number(
    std::int64_t low, std::int64_t high = std::numeric_limits<std::int64_t>::max());

/// Makes every option of `app` and its subcommands that takes a number say what it expected and
/// what it found.
void check_numbers(CLI::App& app);

/// "hourglass data" for the subcommand `fetch`: what stands before its name.
[[nodiscard]] std::string parents(const CLI::App& app);

/// The subcommand that was being parsed, however deep.
[[nodiscard]] const CLI::App& innermost(const CLI::App& app);

/// The message for `error`: the flag or word, what was expected, what was found, what to do; for a
/// verb that is missing or like no other, the list of verbs as well.
[[nodiscard]] std::string usage_message(const CLI::App& app, const CLI::ParseError& error);

}  // namespace hourglass::tools
