// Reading an IDX file and hashing it at the same time.
#pragma once

#include <functional>
#include <string>

#include "data/idx.h"
#include "hourglass/images.h"

namespace hourglass {

struct LoadedIdx {
  IdxArray array;
  SourceFile source;
};

/// Reads `path` on one thread and hashes it on another. `check` sees the hash first and may throw:
/// of a damaged file a known hash says more than a parser.
LoadedIdx load_idx(const std::string& path,
                   const std::function<void(const std::string& sha256)>& check = {});

}  // namespace hourglass
