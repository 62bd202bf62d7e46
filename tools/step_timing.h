// Whole training steps of an engine, timed.
#pragma once

#include <memory>
#include <string>

#include "hourglass/engine.h"
#include "timing.h"

namespace hourglass::tools {

/// Times steps of an engine for `plan`, from variance-scaled parameters on, by the host's clock.
/// A step that was skipped because its numbers were not finite is a DivergedError.
[[nodiscard]] Candidate timed_steps(const std::string& name, std::shared_ptr<Engine> engine,
                                    const TrainingPlan& plan);

}  // namespace hourglass::tools
