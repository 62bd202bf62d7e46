#include "cpu/kernels.h"

#include <vector>

namespace hourglass::cpu {

namespace portable {
const Kernels& table();
}
#ifdef HOURGLASS_X86_KERNELS
namespace avx2 {
const Kernels& table();
}
namespace avx512 {
const Kernels& table();
}
#endif

std::span<const Kernels* const> available_kernels() {
  static const std::vector<const Kernels*> tables = [] {
    std::vector<const Kernels*> found{&portable::table()};
#ifdef HOURGLASS_X86_KERNELS
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      found.push_back(&avx2::table());
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
      found.push_back(&avx512::table());
#endif
    return found;
  }();
  return tables;
}

const Kernels& best_kernels() { return *available_kernels().back(); }

}  // namespace hourglass::cpu
