// How many images each part of a data set gets.
#pragma once

#include <cstdint>
#include <string>

namespace hourglass {

/// Images [first, last) of a file.
struct ImageRange {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

/// The parts of a training file. `test` is used only when there is no test file.
struct Split {
  ImageRange train;
  ImageRange validation;
  ImageRange test;
  std::string note;  // which parts had to be the training images again; may be empty
};

/// Cuts `count` (>= 1) images. Validation: the first `validation` images, or with a negative number
/// one in twelve, at most 5,000. Test, when `has_test_file` is false: the last sixth. A part that
/// comes out empty is the training images again. Throws UsageError when `validation` leaves nothing
/// to train on.
Split split_images(std::int64_t count, std::int64_t validation, bool has_test_file);

}  // namespace hourglass
