// The engine on oneDNN's products in single precision.
#include "cpu/cpu_engine.h"
#include "support/catch.h"
#include "support/engine_checks.h"
#include "support/engine_problem.h"
#include "support/tolerance.h"

using namespace hourglass;

TEST_CASE("oneDNN's products in fp32 stay within 16 u of the oracle") {
  for (const auto& [widths, batch] : test::awkward_networks()) {
    for (const Activation activation : all_activations) {
      test::EngineProblem problem(widths, activation, batch, PixelType::u8);
      problem.plan.optimizer.beta1 = 0;  // then the first moment is the gradient
      cpu::CpuOptions options;
      options.threads = 2;
      options.library = true;
      const auto engine = cpu::make_cpu_engine(problem.plan, options);
      engine->set_state(problem.state);
      engine->run(1);
      const double worst = test::worst_error_in_u(problem, engine->state().first_moment);
      INFO(name(activation) << " batch " << batch);
      CHECK(worst <= test::blas_threshold);
    }
  }
}
