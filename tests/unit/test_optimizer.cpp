#include <cmath>

#include "hourglass/error.h"
#include "hourglass/optimizer.h"
#include "support/catch.h"
#include "support/tolerance.h"

using namespace hourglass;

namespace {

/// Whether `found` is `expected` rounded to single precision, as near as 16 u tells.
bool is_rounded(float found, double expected) {
  return test::error_in_u(found, expected, std::abs(expected)) <= test::blas_threshold;
}

}  // namespace

TEST_CASE("warm-up is linear and the cosine ends at zero") {
  OptimizerSpec spec;
  spec.learning_rate = 1.0;
  spec.warmup_steps = 10;
  spec.total_steps = 1000;
  CHECK(learning_rate(spec, 0) == 0.1);
  CHECK(learning_rate(spec, 499) < learning_rate(spec, 100));
  CHECK(learning_rate(spec, 500) == 0.5);
  CHECK(learning_rate(spec, 1000) == 0.0);
  CHECK(learning_rate(spec, 5000) == 0.0);
  spec.schedule = Schedule::constant;
  CHECK(learning_rate(spec, 999) == 1.0);
}

TEST_CASE("the two forms of Adam differ by where epsilon stands") {
  OptimizerSpec spec;
  spec.schedule = Schedule::constant;
  spec.warmup_steps = 0;
  spec.learning_rate = 0.01;
  spec.form = AdamForm::tensorflow;
  const AdamStep hat = adam_step(spec, 0);
  CHECK(hat.epsilon == 1e-8F);
  CHECK(is_rounded(hat.rate, 0.01 * std::sqrt(1 - 0.999) / (1 - 0.9)));
  spec.form = AdamForm::kingma_ba;
  const AdamStep plain = adam_step(spec, 0);
  CHECK(plain.rate == hat.rate);
  CHECK(is_rounded(plain.epsilon, 1e-8 * std::sqrt(1 - 0.999)));
  // After many steps the corrections are gone and the forms agree.
  CHECK(adam_step(spec, 1'000'000).epsilon == 1e-8F);
}

TEST_CASE("an optimizer that makes no sense is refused") {
  const auto refuses = [](auto change) {
    OptimizerSpec spec;
    change(spec);
    CHECK_THROWS_AS(spec.validate(), UsageError);
  };
  refuses([](OptimizerSpec& s) { s.learning_rate = -1; });
  refuses([](OptimizerSpec& s) { s.learning_rate = 0; });
  refuses([](OptimizerSpec& s) { s.learning_rate = std::nan(""); });
  refuses([](OptimizerSpec& s) { s.beta1 = 1; });
  refuses([](OptimizerSpec& s) { s.beta2 = -0.1; });
  refuses([](OptimizerSpec& s) { s.epsilon = 0; });
  refuses([](OptimizerSpec& s) { s.epsilon = 1e-60; });  // 0 in single precision: 0 / 0
  refuses([](OptimizerSpec& s) { s.warmup_steps = -1; });
  CHECK_NOTHROW(OptimizerSpec{}.validate());
}
