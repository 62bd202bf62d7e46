// The header of a .npy file: a Python dictionary of three keys.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hourglass {

struct NpyHeader {
  std::string descr;  // such as "<f4"
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// What is wrong with a header.
struct NpyError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Parses "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }": these three keys, each
/// once, in any order, and nothing else. Throws NpyError.
[[nodiscard]] NpyHeader parse_npy_header(std::string_view text);

/// The whole header of a C-ordered float32 array: magic, version 1, dictionary, 128 bytes.
[[nodiscard]] std::string npy_header(std::int64_t rows, std::int64_t cols);

}  // namespace hourglass
