// Barriers, warp operations and fences of a block.
#include <algorithm>
#include <bit>
#include <string>
#include <string_view>

#include "emulator/block.h"
#include "emulator/sanitizers.h"
#include "emulator/text.h"

namespace emulator {
namespace {

bool same_place(Where a, Where b) {
  return a.line() == b.line() && a.column() == b.column() &&
         std::string_view(a.file_name()) == b.file_name();
}

std::uint64_t combine(const Rendezvous& meeting) {
  std::uint64_t result = 0;
  bool first = true;
  for (int lane = 0; lane < 32; ++lane) {
    if ((meeting.mask >> lane & 1u) == 0) continue;
    const std::uint64_t value = meeting.values[static_cast<std::size_t>(lane)];
    switch (meeting.operation) {
      case WarpOperation::ballot:
        result |= value << lane;
        break;
      case WarpOperation::reduce_add:
        result += value;
        break;
      case WarpOperation::reduce_min:
        result = first ? value : std::min(result, value);
        break;
      case WarpOperation::reduce_max:
        result = std::max(result, value);
        break;
      default:
        break;
    }
    first = false;
  }
  return result;
}

}  // namespace

void Block::barrier(Where where) {
  Thread& self = *running_;
  if (exited_ > 0) {
    fail("__syncthreads at " + text_of(where) + " after " + std::to_string(exited_) + " of " +
         std::to_string(threads_.size()) + " threads have exited");
  }
  if (at_barrier_ > 0 && !same_place(barrier_where_, where)) {
    fail("threads of a block wait at different barriers: __syncthreads at " +
         text_of(barrier_where_) + " and at " + text_of(where));
  }
  barrier_where_ = where;
  const auto parity = static_cast<std::size_t>(generation_ % 2);
  tsan::release(&tokens_.barrier[parity]);
  if (++at_barrier_ == static_cast<int>(threads_.size())) {
    at_barrier_ = 0;
    ++generation_;
    for (Thread& thread : threads_) make_ready(thread);
    switch_to_host();
  } else {
    wait(self, Thread::State::at_block_barrier, where);
  }
  tsan::acquire(&tokens_.barrier[parity]);
}

std::uint64_t Block::warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value,
                                    int source_lane, Where where) {
  Thread& self = *running_;
  const int lane = self.number % 32;
  const auto warp_number = static_cast<std::size_t>(self.number / 32);
  Warp& warp = warps_[warp_number];
  // Made only to report: nothing that owns memory may live on this stack while the thread waits.
  const auto at = [&] { return std::string(name_of(operation)) + " at " + text_of(where); };
  if ((mask >> lane & 1u) == 0) {
    fail(at() + ": mask " + hex(mask) + " lacks the calling lane " + std::to_string(lane));
  }
  mask &= warp.existing;
  if ((mask & warp.exited) != 0) {
    fail(at() + ": mask " + hex(mask) + " names lane " +
         std::to_string(std::countr_zero(mask & warp.exited)) + ", which has exited");
  }
  // Lanes may be named by several masks at a time (each half of a warp on its own, then both); a
  // mask that never gets all its lanes ends in a deadlock. One mask at two calls is wrong at once.
  auto meeting = std::find_if(warp.pending.begin(), warp.pending.end(),
                              [mask](const Rendezvous& other) { return other.mask == mask; });
  if (meeting == warp.pending.end()) {
    meeting = warp.pending.insert(meeting, Rendezvous{operation, mask, where});
    meeting->parity = warp.generation++ % 2;
  } else if (meeting->operation != operation || !same_place(meeting->where, where)) {
    fail("lanes of a warp meet at different calls with mask " + hex(mask) + ": " + at() + ", " +
         name_of(meeting->operation) + " at " + text_of(meeting->where));
  }
  meeting->arrived |= 1u << lane;
  meeting->values[static_cast<std::size_t>(lane)] = value;
  meeting->sources[static_cast<std::size_t>(lane)] = source_lane;
  // Of the warp operations only __syncwarp orders memory.
  const char* token = &tokens_.warps[warp_number][static_cast<std::size_t>(meeting->parity)];
  if (operation == WarpOperation::barrier) tsan::release(token);
  if (meeting->arrived == mask) {
    const Rendezvous finished = *meeting;
    warp.pending.erase(meeting);
    const std::uint64_t combined = combine(finished);
    for (int other = 0; other < 32; ++other) {
      if ((mask >> other & 1u) == 0) continue;
      Thread& thread = threads_[warp_number * 32 + static_cast<std::size_t>(other)];
      const int source = finished.sources[static_cast<std::size_t>(other)];
      if (operation != WarpOperation::shuffle) {
        thread.result = combined;
      } else if ((mask >> source & 1u) != 0 || source == other) {
        thread.result = finished.values[static_cast<std::size_t>(source)];
      } else {
        thread.result = ~std::uint64_t{0};  // undefined on a GPU; as a float, NaN
      }
      make_ready(thread);
    }
    switch_to_host();
  } else {
    self.mask = mask;
    wait(self, Thread::State::at_warp_operation, where);
  }
  if (operation == WarpOperation::barrier) tsan::acquire(token);
  return self.result;
}

// ThreadSanitizer does not model fences. A fence before an atomic makes the atomic publish the
// thread's writes; a fence after one makes the thread see what the atomic's address published.
void Block::fence() {
  if (!tsan::enabled) return;
  Thread& self = *running_;
  self.fenced = true;
  for (const void* address : self.atomics) tsan::acquire(address);
  self.atomics.clear();
}

void Block::before_atomic(const void* address) {
  if (tsan::enabled && running_->fenced) tsan::release(address);
}

void Block::after_atomic(const void* address) {
  if (tsan::enabled) running_->atomics.push_back(address);
}

}  // namespace emulator
