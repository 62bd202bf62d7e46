// Hashes of small trainings with the plain products: the emulator and a GPU must give the same.
// Written to the file that HOURGLASS_BITS_FILE names; tools/gpu_check.sh compares two of them.
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "cuda/cuda_engine.h"
#include "support/catch.h"
#include "support/engine_problem.h"

#ifdef HOURGLASS_EMULATOR
#include "emulator/control.h"
#endif

using namespace hourglass;

namespace {

std::uint64_t hash_of(const TrainingState& state) {  // FNV-1a
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const auto* arena : {&state.parameters, &state.first_moment, &state.second_moment})
    for (const float value : *arena)
      hash = (hash ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001B3U;
  return hash;
}

}  // namespace

TEST_CASE("hashes of small trainings") {
#ifdef HOURGLASS_EMULATOR
  emulator::reset(0);
#endif
  const char* path = std::getenv("HOURGLASS_BITS_FILE");
  std::ofstream file(path == nullptr ? "/dev/null" : path);
  std::set<std::uint64_t> different;
  for (const Activation activation : all_activations)
    for (const auto arithmetic : {cuda::Arithmetic::fp32, cuda::Arithmetic::bf16}) {
      const test::EngineProblem problem({24, 16, 8, 16, 24}, activation, 12, PixelType::u8);
      cuda::CudaOptions options;
      options.arithmetic = arithmetic;
      options.forward_rows = 16;
      const auto engine = cuda::make_cuda_engine(problem.plan, options);
      engine->set_state(problem.state);
      engine->run(20);
      const std::uint64_t hash = hash_of(engine->state());
      different.insert(hash);
      file << name(activation) << (arithmetic == cuda::Arithmetic::bf16 ? " bf16 " : " fp32 ")
           << std::hex << hash << std::dec << '\n';
    }
  CHECK(different.size() == 2 * std::size(all_activations));
  CHECK(file.good());
}
