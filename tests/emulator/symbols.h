// The program's own symbol table: names of kernels, places of their __shared__ arrays.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace emulator {

class Symbols {
 public:
  /// Those of this program. Throws std::runtime_error if it was stripped.
  static const Symbols& of_program();

  /// Readable name of a function, or its address where the table has none.
  std::string function_name(const void* address) const;
  /// Every variable declared with __shared__.
  std::span<const std::span<std::byte>> shared_variables() const { return shared_; }

 private:
  Symbols();

  std::map<const void*, std::string> functions_;
  std::vector<std::span<std::byte>> shared_;
};

}  // namespace emulator
