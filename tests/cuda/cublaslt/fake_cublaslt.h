// How tests steer the fake of cuBLASLt and look into it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace fake_cublaslt {

/// The heuristic offers algorithms 1, 2 and 3. The first wants operands that are aligned to 16
/// bytes, and is not offered where they are not.
struct Library {
  std::size_t version = 999000;
  bool has_plain = true;            // products without an epilogue
  bool has_bias_relu = true;        // and with each of the two that the engine uses
  bool has_relu_gradient = true;    //
  std::set<std::uint64_t> unknown;  // algorithms not offered, and refused by the check
  std::set<std::uint64_t> failing;  // algorithms that pass the check and do not run
  bool has_memory = true;           // to run anything with
  /// Algorithms of the products run, in order.
  std::vector<std::uint64_t> runs;
  std::size_t queries = 0;  // of the heuristic
  std::size_t live = 0;     // objects made and not destroyed
};

Library& library();

}  // namespace fake_cublaslt
