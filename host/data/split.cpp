#include "data/split.h"

#include <algorithm>

#include "hourglass/error.h"

namespace hourglass {

Split split_images(std::int64_t count, std::int64_t validation, bool has_test_file) {
  const std::int64_t test = has_test_file ? 0 : count / 6;
  const std::int64_t held = validation >= 0 ? validation : std::min<std::int64_t>(count / 12, 5000);
  if (held >= count - test)
    throw UsageError(Finding{"validation", "fewer than " + std::to_string(count - test) + " images",
                             std::to_string(held), "Ask for a smaller validation set."});
  Split split;
  split.train = {held, count - test};
  split.validation = held > 0 ? ImageRange{0, held} : split.train;
  split.test = test > 0 ? ImageRange{count - test, count} : split.train;

  const bool test_reused = !has_test_file && test == 0;
  if (held > 0 && !test_reused) return split;
  const std::string parts = held > 0 ? "test" : !test_reused ? "validation" : "validation and test";
  split.note = "no images held out: the " + std::to_string(split.train.last - split.train.first) +
               " training images serve for " + parts + " as well";
  return split;
}

}  // namespace hourglass
