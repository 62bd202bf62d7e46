// Last in the list of sources, so that the count is complete.
#include "kernels/kernel_cases.h"
#include "support/catch.h"
#include "support/skip.h"

using namespace hourglass;

TEST_CASE("at least 5,000 exact cases were run") {
  if (!test::all_kernel_sizes()) return test::skip("a sanitizer's build runs fewer sizes");
  if (test::ExactCases::total() == 0) return test::skip("run by itself");
  CHECK(test::ExactCases::total() >= 5000);
}
