#include "step_timing.h"

#include <utility>

#include "hourglass/error.h"
#include "hourglass/initialise.h"

namespace hourglass::tools {

Candidate timed_steps(const std::string& name, std::shared_ptr<Engine> engine,
                      const TrainingPlan& plan) {
  TrainingState state;
  state.parameters = variance_scaling(plan.network, plan.seed);
  state.first_moment.resize(state.parameters.size());
  state.second_moment.resize(state.parameters.size());
  engine->set_state(state);
  return clocked(name, [timed = name, engine = std::move(engine)](std::int64_t repeats) {
    engine->run(repeats);
    engine->synchronize();
    for (const StepReport& report : engine->take_reports())
      if (report.nonfinite_layer >= 0)
        throw DivergedError({timed, "steps of finite numbers",
                             "NaN or Inf in step " + std::to_string(report.step),
                             "Its time would mean nothing; leave it out with --only, or choose "
                             "another --preset or --batch."});
  });
}

}  // namespace hourglass::tools
