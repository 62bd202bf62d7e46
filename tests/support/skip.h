// Skipping out loud. Catch2 2 has no SKIP, and a test that just returns would count as passed.
#pragma once

#include <string>

namespace hourglass::test {

/// Marks the running test case as skipped. Write `return skip("reason");` right away: the case is
/// then counted as skipped, and the reason is printed at the end of the run.
void skip(const std::string& reason);

}  // namespace hourglass::test
