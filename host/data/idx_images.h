// Images and labels out of IDX arrays that are read already.
#pragma once

#include <cstdint>
#include <vector>

#include "data/idx.h"
#include "hourglass/images.h"

namespace hourglass {

/// As `read_images`.
Images images_from(const IdxArray& array);

/// As `read_labels`.
std::vector<std::int32_t> labels_from(const IdxArray& array, std::int64_t expected_count);

}  // namespace hourglass
