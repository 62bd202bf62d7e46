#include "emulator/grid.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <numeric>
#include <system_error>

#include "emulator/control.h"
#include "emulator/pages.h"
#include "emulator/sanitizers.h"
#include "emulator/symbols.h"

namespace emulator {
namespace {

constexpr std::size_t room = (max_dynamic_bytes + page - 1) / page * page;

void poison_shared_variables() {
  for (const std::span<std::byte> variable : Symbols::of_program().shared_variables()) {
    tsan::forget(variable.data(), variable.size());
    std::memset(variable.data(), static_cast<int>(poison), variable.size());
  }
}

std::vector<std::uint64_t> block_order(std::uint64_t count, Launch& launch) {
  std::vector<std::uint64_t> order(count);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  if (launch.shuffled) {
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(order[i - 1], order[launch.random.below(i)]);
    }
  }
  return order;
}

}  // namespace

DynamicMemory::DynamicMemory() {
  void* mapping =
      mmap(nullptr, room + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  mapping_ = static_cast<std::byte*>(mapping);
  begin_ = mapping_ + page + room;
  if (mprotect(mapping_, page, PROT_NONE) != 0 || mprotect(begin_, page, PROT_NONE) != 0) {
    throw std::system_error(errno, std::generic_category(), "mprotect");
  }
}

DynamicMemory::~DynamicMemory() {
  asan::unpoison(mapping_ + page, room);
  munmap(mapping_, room + 2 * page);
}

void DynamicMemory::prepare(std::size_t bytes) {
  const std::size_t rounded = (bytes + 15) / 16 * 16;
  std::byte* const end = mapping_ + page + room;
  begin_ = end - rounded;
  asan::poison(mapping_ + page, room);
  asan::unpoison(begin_, bytes);
  if (bytes == 0) return;
  tsan::forget(begin_, bytes);
  std::memset(begin_, static_cast<int>(poison), bytes);
}

bool DynamicMemory::is_guard(const void* address) const {
  const auto* place = static_cast<const std::byte*>(address);
  return place >= mapping_ && place < mapping_ + room + 2 * page;
}

Grid::Counts Grid::run(const KernelCall& call, dim3 grid, dim3 block, std::size_t dynamic_bytes,
                       std::uint64_t seed) {
  // On the heap: ThreadSanitizer forgets the tokens in it when it is freed.
  const auto heap_launch = std::make_unique<Launch>();
  Launch& launch = *heap_launch;
  launch.call = &call;
  launch.grid = grid;
  launch.block = block;
  launch.dynamic_bytes = dynamic_bytes;
  launch.shuffled = seed != 0;
  launch.random = Random(seed);
  gridDim = grid;
  blockDim = block;

  Counts counts;
  std::deque<BlockTokens> tokens;  // a deque, so that none moves
  const std::uint64_t block_count = std::uint64_t{grid.x} * grid.y * grid.z;
  for (const std::uint64_t number : block_order(block_count, launch)) {
    blockIdx = {static_cast<unsigned>(number % grid.x),
                static_cast<unsigned>(number / grid.x % grid.y),
                static_cast<unsigned>(number / grid.x / grid.y)};
    if (!tsan::enabled) tokens.clear();
    const BlockTokens& block_tokens = tokens.emplace_back();
    poison_shared_variables();
    dynamic_memory_.prepare(dynamic_bytes);
    tsan::release(&block_tokens.start);
    Block running(launch, pool_, block_tokens);
    try {
      running.run();
    } catch (const Fault&) {
      pool_.discard();
      throw;
    }
    ++counts.blocks;
  }
  tsan::acquire(&launch.end_token);
  counts.fiber_switches = launch.switches;
  return counts;
}

Grid& the_grid() {
  static Grid grid;
  return grid;
}

}  // namespace emulator
