// The oracle as an engine, for `train --check` and for tests. Everything in double; one image at a
// time; about a thousand times slower than the CPU engine.
#pragma once

#include <memory>

#include "hourglass/engine.h"

namespace hourglass::reference {

[[nodiscard]] std::unique_ptr<Engine> make_reference_engine(const TrainingPlan& plan);

}  // namespace hourglass::reference
