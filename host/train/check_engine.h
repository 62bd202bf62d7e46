// Two engines on the same steps (after lc0's check backend): `hourglass train --check`.
#pragma once

#include <memory>

#include "hourglass/engine.h"

namespace hourglass {

/// An engine that runs `subject` and, beside it, `oracle`, step by step from the same state, and
/// writes the largest difference of every tensor to stderr after each step. Results are
/// the subject's.
[[nodiscard]] std::unique_ptr<Engine> make_check_engine(const TrainingPlan& plan,
                                                        std::unique_ptr<Engine> subject,
                                                        std::unique_ptr<Engine> oracle);

/// The largest difference between two arenas in one layer's weights and biases, relative to the
/// largest magnitude there.
struct TensorDifference {
  double weight = 0;
  double bias = 0;
};
[[nodiscard]] std::vector<TensorDifference> compare(const NetworkSpec& network,
                                                    const std::vector<float>& subject,
                                                    const std::vector<float>& oracle);

}  // namespace hourglass
