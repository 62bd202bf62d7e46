// Shapes to run a kernel on, numbers to run it with, and a count of both.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/sizes.h"

namespace hourglass::test {

/// The awkward sizes; fewer where a sanitizer makes every thread of a kernel slow.
std::vector<std::int64_t> kernel_sizes();
/// Whether kernel_sizes() is the whole list.
bool all_kernel_sizes();

/// Calls `body(rows, columns, variant)` for every pair of sizes but the largest, whose many blocks
/// show nothing that a dozen do not, and for some with many rows.
/// `variant` chooses layouts and the like; it differs from shape to shape.
template <typename Body>
void for_each_shape(Body&& body) {
  std::uint64_t number = 0;
  for (const std::int64_t rows : kernel_sizes())
    for (const std::int64_t columns : kernel_sizes()) {
      if (rows * columns > 12 * 1000) continue;
      body(rows, columns, number + number / 4);
      ++number;
    }
  for (const std::int64_t rows : {1025, 2600, 4500})
    for (const std::int64_t columns : {3, 36}) body(rows, columns, number++);
}

/// Counts exact-mode cases of one kernel and prints the count at its end.
class ExactCases {
 public:
  explicit ExactCases(std::string kernel);
  ~ExactCases();
  ExactCases(const ExactCases&) = delete;
  ExactCases& operator=(const ExactCases&) = delete;
  /// A case that compared every number bitwise; `difference` is empty if there was none.
  void add(const std::string& where, const std::string& difference);
  static std::int64_t total();

 private:
  std::string kernel_;
  std::int64_t count_ = 0;
};

/// `count` whole numbers in [-6, 6], or in [0, 255]; another `seed`, other numbers.
std::vector<float> small_whole_numbers(std::int64_t count, std::uint64_t seed);
std::vector<float> byte_numbers(std::int64_t count, std::uint64_t seed);

/// The first number that differs in a bit, NaN being equal to NaN; empty if there is none.
std::string first_difference(const std::vector<float>& found, const std::vector<float>& expected);
std::string first_difference(const std::vector<double>& found, const std::vector<double>& expected);

std::string shape_text(std::int64_t rows, std::int64_t columns, std::uint64_t variant);

}  // namespace hourglass::test
