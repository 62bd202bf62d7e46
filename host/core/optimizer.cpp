#include "hourglass/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <string>

#include "hourglass/error.h"
#include "hourglass/nearest.h"

namespace hourglass {
namespace {

constexpr std::array<std::string_view, 2> form_names{"tensorflow", "kingma_ba"};
constexpr std::array<std::string_view, 2> schedule_names{"constant", "cosine"};

template <typename Enum, std::size_t size>
Enum parse(std::string_view kind, std::string_view text,
           const std::array<std::string_view, size>& names) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) throw UsageError(unknown_name(kind, text, names));
  return static_cast<Enum>(found - names.begin());
}

/// `flag` must hold `expected`; `found` is what it holds.
void require(bool condition, const char* flag, const char* expected, double found,
             const char* remedy) {
  if (condition) return;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", found);
  throw UsageError(Finding{flag, expected, text.data(), remedy});
}

}  // namespace

void OptimizerSpec::validate() const {
  require(std::isfinite(learning_rate) && learning_rate > 0, "--lr", "a learning rate above 0",
          learning_rate, "Try 0.003.");
  require(beta1 >= 0 && beta1 < 1, "--beta1", "a decay from 0 to below 1", beta1, "Try 0.9.");
  require(beta2 >= 0 && beta2 < 1, "--beta2", "a decay from 0 to below 1", beta2, "Try 0.999.");
  require(std::isfinite(epsilon) && epsilon >= 1e-30, "--epsilon", "at least 1e-30", epsilon,
          "Try 1e-8.");
  require(warmup_steps >= 0, "--warmup", "0 or more steps", static_cast<double>(warmup_steps),
          "0 is no warm-up.");
  require(total_steps >= 0, "total_steps", "0 or more steps", static_cast<double>(total_steps),
          "0 takes those of --epochs.");
}

double learning_rate(const OptimizerSpec& spec, std::int64_t step) {
  double rate = spec.learning_rate;
  if (step < spec.warmup_steps)
    rate *= static_cast<double>(step + 1) / static_cast<double>(spec.warmup_steps);
  if (spec.schedule == Schedule::cosine && spec.total_steps > 0) {
    const double done =
        std::min(1.0, static_cast<double>(step) / static_cast<double>(spec.total_steps));
    rate *= 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  }
  return rate;
}

AdamStep adam_step(const OptimizerSpec& spec, std::int64_t step) {
  const auto t = static_cast<double>(step + 1);
  const double correction1 = 1.0 - std::pow(spec.beta1, t);
  const double correction2 = std::sqrt(1.0 - std::pow(spec.beta2, t));
  AdamStep scalars;
  scalars.rate = static_cast<float>(learning_rate(spec, step) * correction2 / correction1);
  scalars.epsilon = static_cast<float>(
      spec.form == AdamForm::tensorflow ? spec.epsilon : spec.epsilon * correction2);
  scalars.one_minus_beta1 = static_cast<float>(1.0 - spec.beta1);
  scalars.one_minus_beta2 = static_cast<float>(1.0 - spec.beta2);
  return scalars;
}

std::string_view name(AdamForm form) { return form_names[static_cast<std::size_t>(form)]; }
std::string_view name(Schedule schedule) {
  return schedule_names[static_cast<std::size_t>(schedule)];
}
AdamForm parse_adam_form(std::string_view text) {
  return parse<AdamForm>("Adam form", text, form_names);
}
Schedule parse_schedule(std::string_view text) {
  return parse<Schedule>("schedule", text, schedule_names);
}

}  // namespace hourglass
