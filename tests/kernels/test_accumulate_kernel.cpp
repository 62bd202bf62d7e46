#include <string>
#include <vector>

#include "kernels/accumulate.h"
#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "support/catch.h"

using namespace hourglass;
using test::DeviceArray;

TEST_CASE("accumulate adds in double, and stays within its bounds") {
  test::ExactCases cases("accumulate");
  for (const std::int64_t count : {1, 3, 4, 255, 256, 257, 1023, 9001})
    for (const std::int64_t offset : {0, 1}) {
      // What follows the numbers is a guard page. Sums beyond what single precision holds.
      constexpr double large = 0x1p40;
      const auto terms = test::small_whole_numbers(count, 1);
      const DeviceArray<float> device_terms(terms, offset);
      const DeviceArray<double> sums(std::vector<double>(terms.size(), large), offset);
      std::vector<double> expected;
      for (const float term : terms) expected.push_back(large + 2.0 * static_cast<double>(term));
      for (int round = 0; round < 2; ++round)
        kernels::accumulate(sums.data(), device_terms.data(), count, nullptr);
      cases.add(test::shape_text(1, count, static_cast<std::uint64_t>(offset)),
                test::first_difference(sums.get(), expected));
    }
  const DeviceArray<double> none(std::vector<double>{1.0});
  kernels::accumulate(none.data(), nullptr, 0, nullptr);
  CHECK(none.get() == std::vector<double>{1.0});
}
