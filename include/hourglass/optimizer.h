// Adam and the learning-rate schedules.
#pragma once

#include <cstdint>
#include <string_view>

namespace hourglass {

/// Where epsilon stands. `tensorflow` is Kingma and Ba's "epsilon hat" (the end of section 2 of
/// arXiv 1412.6980), `kingma_ba` their algorithm 1, as in PyTorch.
enum class AdamForm { tensorflow, kingma_ba };

enum class Schedule { constant, cosine };

struct OptimizerSpec {
  double learning_rate = 3e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  AdamForm form = AdamForm::kingma_ba;
  Schedule schedule = Schedule::cosine;
  std::int64_t warmup_steps = 100;  // linear, from lr / warmup_steps; 0: none
  std::int64_t total_steps = 0;     // where the cosine reaches 0

  /// Throws UsageError for a rate, beta, epsilon or step count that makes no sense.
  void validate() const;
  bool operator==(const OptimizerSpec&) const = default;
};

/// The scalars of one update: `m += (1-b1)(g-m)`, `v += (1-b2)(g*g-v)`,
/// `w -= rate * m / (sqrt(v) + epsilon)`. Bias corrections are inside `rate` and `epsilon`.
struct AdamStep {
  float rate = 0;
  float epsilon = 0;
  float one_minus_beta1 = 0;
  float one_minus_beta2 = 0;
};

/// The scheduled learning rate of step `step` (from 0).
[[nodiscard]] double learning_rate(const OptimizerSpec& spec, std::int64_t step);

/// The scalars of step `step` (from 0; Adam's t is step + 1).
[[nodiscard]] AdamStep adam_step(const OptimizerSpec& spec, std::int64_t step);

[[nodiscard]] std::string_view name(AdamForm form);
[[nodiscard]] std::string_view name(Schedule schedule);
[[nodiscard]] AdamForm parse_adam_form(std::string_view text);
[[nodiscard]] Schedule parse_schedule(std::string_view text);

}  // namespace hourglass
