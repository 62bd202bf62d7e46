#include <string>
#include <vector>

#include "kernels/copy.h"
#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "support/catch.h"

using namespace hourglass;
using test::DeviceMatrix;

TEST_CASE("copy is exact and stays within its bounds") {
  test::ExactCases cases("copy");
  for (const std::int64_t count : {1, 3, 4, 5, 1023, 1025, 4095, 4096, 4097, 9001})
    for (std::uint64_t variant = 0; variant < 4; ++variant) {
      // One row: what follows it is a guard page; variants shift its first address.
      test::Layout layout = test::make_layout(1, count, variant);
      const auto values = test::small_whole_numbers(count, variant + 1);
      const DeviceMatrix<float> from(layout, values);
      const DeviceMatrix<float> to(test::make_layout(1, count, variant / 2));
      kernels::copy(to.data(), from.data(), count, nullptr);
      bool touched = false;
      cases.add(test::shape_text(1, count, variant),
                test::first_difference(to.get(touched), values));
      CHECK_FALSE(touched);
    }
}
