// What verbs read images from: a part of a data set, an IDX file, or an .npy file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "hourglass/data.h"

namespace hourglass::tools {

/// Images as rows of numbers in [0, 1], read in blocks.
struct RowSource {
  std::string name;
  std::int64_t count = 0;
  std::int64_t width = 0;
  /// Rows [first, first + count) into `out` (count, width). Throws DataError.
  std::function<void(std::int64_t first, std::int64_t count, float* out)> read;
};

[[nodiscard]] RowSource rows_of(const Images& images, const std::string& name);

/// An IDX file, or an .npy file by its ending. The latter's rows are images with values in [0, 1]
/// already. Throws DataError.
[[nodiscard]] RowSource rows_of_file(const std::string& path);

/// The images of a part by its name, "train", "validation" or "test". Throws UsageError.
[[nodiscard]] const Images& part_of(const DataSet& data, const std::string& part);

}  // namespace hourglass::tools
