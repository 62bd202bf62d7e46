// Reconstructions in the terminal.
#pragma once

#include <cstdio>
#include <filesystem>

#include "hourglass/images.h"

namespace hourglass::tools {

/// Prints `count` images above their reconstructions, both (count, rows * cols); in colour when
/// `stream` is a terminal that wants it.
void show_pictures(const float* originals, const float* reconstructions, std::int64_t count,
                   std::int64_t rows, std::int64_t cols, std::FILE* stream);

/// Prints the first 10 test images above what the run's model makes of them. Throws ModelError.
void show_first_test_images(const std::filesystem::path& run_directory, const DataSet& data,
                            std::FILE* stream);

}  // namespace hourglass::tools
