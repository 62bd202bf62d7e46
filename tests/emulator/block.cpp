#include "emulator/block.h"

#include <algorithm>
#include <bit>
#include <sstream>
#include <utility>

#include "emulator/control.h"
#include "emulator/sanitizers.h"
#include "emulator/symbols.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace emulator {
namespace {

Block* current_block = nullptr;

/// Unwinds a thread of a kernel that is given up.
struct Abandoned {};

template <class Index>
std::string text_of(const Index& index) {
  std::ostringstream text;
  text << '(' << index.x << ',' << index.y << ',' << index.z << ')';
  return text.str();
}

std::string text_of(Where where) {
  std::ostringstream text;
  text << where.file_name() << ':' << where.line();
  return text.str();
}

bool same_place(Where a, Where b) {
  return a.line() == b.line() && a.column() == b.column() &&
         std::string_view(a.file_name()) == b.file_name();
}

std::string hex(unsigned mask) {
  std::ostringstream text;
  text << "0x" << std::hex << mask;
  return text.str();
}

const char* name_of(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::barrier: return "__syncwarp";
    case WarpOperation::shuffle: return "a shuffle";
    case WarpOperation::ballot: return "a vote";
    default: return "a warp reduction";
  }
}

std::uint64_t combine(const Rendezvous& meeting) {
  std::uint64_t result = 0;
  bool first = true;
  for (int lane = 0; lane < 32; ++lane) {
    if ((meeting.mask >> lane & 1u) == 0) continue;
    const std::uint64_t value = meeting.values[static_cast<std::size_t>(lane)];
    switch (meeting.operation) {
      case WarpOperation::ballot: result |= value << lane; break;
      case WarpOperation::reduce_add: result += value; break;
      case WarpOperation::reduce_min: result = first ? value : std::min(result, value); break;
      case WarpOperation::reduce_max: result = std::max(result, value); break;
      default: break;
    }
    first = false;
  }
  return result;
}

}  // namespace

void Worker::loop(void* self) {
  auto& worker = *static_cast<Worker*>(self);
  for (;;) current_block->run_thread(*worker.thread);
}

Worker& WorkerPool::take() {
  if (idle_.empty() || workers_.size() < kept_apart) {
    workers_.push_back(std::make_unique<Worker>());
    return *workers_.back();
  }
  Worker* worker = tsan::enabled ? idle_.front() : idle_.back();
  if (tsan::enabled) {
    idle_.pop_front();
  } else {
    idle_.pop_back();
  }
  return *worker;
}

void WorkerPool::discard() {
  idle_.clear();
  workers_.clear();
}

bool WorkerPool::is_guard(const void* address) const {
  return std::any_of(workers_.begin(), workers_.end(), [address](const auto& worker) {
    return worker->fiber.is_guard(address);
  });
}

Block::Block(Launch& launch, WorkerPool& pool, const BlockTokens& tokens)
    : launch_(launch), pool_(pool), tokens_(tokens) {
  const dim3 size = launch.block;
  const int count = static_cast<int>(size.x * size.y * size.z);
  threads_.resize(static_cast<std::size_t>(count));
  warps_.resize(static_cast<std::size_t>((count + 31) / 32));
  ready_.reserve(threads_.size());
  for (int i = 0; i < count; ++i) {
    Thread& thread = threads_[static_cast<std::size_t>(i)];
    const auto number = static_cast<unsigned>(i);
    thread.number = i;
    thread.index = {number % size.x, number / size.x % size.y, number / (size.x * size.y)};
    warps_[static_cast<std::size_t>(i / 32)].existing |= 1u << (i % 32);
    ready_.push_back(&thread);
  }
  current_block = this;
}

Block::~Block() { current_block = nullptr; }

Block* Block::current() { return current_block; }

Block& Block::of_device_function(const char* name) {
  if (current_block == nullptr) throw Fault(std::string(name) + " was called outside a kernel");
  return *current_block;
}

void Block::run() {
  while (Thread* thread = next_ready()) resume(*thread);
  if (exited_ < static_cast<int>(threads_.size())) {
    throw Fault("kernel " + Symbols::of_program().function_name(launch_.call->function) +
                ", block " + text_of(blockIdx) + ": deadlock, no thread can go on" +
                describe_waiting());
  }
}

Thread* Block::next_ready() {
  if (first_ready_ == ready_.size()) return nullptr;
  if (launch_.shuffled) {
    const std::size_t chosen = first_ready_ + launch_.random.below(ready_.size() - first_ready_);
    std::swap(ready_[first_ready_], ready_[chosen]);
  }
  Thread* thread = ready_[first_ready_++];
  if (first_ready_ == ready_.size()) {
    ready_.clear();
    first_ready_ = 0;
  }
  return thread;
}

void Block::resume(Thread& thread) {
  if (thread.worker == nullptr) {
    thread.worker = &pool_.take();
    thread.worker->thread = &thread;
  }
  thread.state = Thread::State::running;
  running_ = &thread;
  threadIdx = thread.index;
  host_.switch_to(thread.worker->fiber);
  ++launch_.switches;
  running_ = nullptr;
  if (!fault_.empty()) throw Fault(fault_);
  if (thread.state == Thread::State::done) pool_.give_back(*thread.worker);
}

void Block::run_kernel_code() {
  const tsan::Watched watched;
  launch_.call->thread();
}

void Block::run_thread(Thread& thread) {
  const tsan::Unwatched unwatched;
  try {
    tsan::acquire(&tokens_.start);
    run_kernel_code();
    tsan::release(&launch_.end_token);
    leave(thread);
  } catch (const Abandoned&) {
    // Only unwinds; resume() finds the fault.
  }
  switch_to_host();
}

void Block::leave(Thread& thread) {
  thread.state = Thread::State::done;
  ++exited_;
  const unsigned bit = 1u << (thread.number % 32);
  Warp& warp = warps_[static_cast<std::size_t>(thread.number / 32)];
  warp.exited |= bit;
  for (const Rendezvous& meeting : warp.pending) {
    if ((meeting.mask & bit) != 0) {
      fail(std::string("the thread exits while lanes of its warp wait for it at ") +
           name_of(meeting.operation) + ", " + text_of(meeting.where));
    }
  }
  if (at_barrier_ > 0) {
    fail("the thread exits while " + std::to_string(at_barrier_) +
         " threads of its block wait at __syncthreads, " + text_of(barrier_where_));
  }
}

void Block::wait(Thread& thread, Thread::State state, Where where) {
  thread.state = state;
  thread.where = where;
  switch_to_host();
}

void Block::make_ready(Thread& thread) {
  thread.state = Thread::State::ready;
  ready_.push_back(&thread);
}

void Block::note_fault(const std::string& text) { fault_ = place() + ": " + text; }

void Block::switch_to_host() {
  // A fiber that never comes back must not be left unwatched.
  const tsan::Watched watched;
  running_->worker->fiber.switch_to(host_);
}

void Block::fail(const std::string& text) {
  note_fault(text);
  throw Abandoned{};
}

std::string Block::place() const {
  std::string text = "kernel " + Symbols::of_program().function_name(launch_.call->function) +
                     ", block " + text_of(blockIdx);
  if (running_ != nullptr) text += ", thread " + text_of(running_->index);
  return text;
}

std::string Block::describe_waiting() const {
  constexpr int listed_at_most = 8;
  std::string text;
  int waiting = 0;
  for (const Thread& thread : threads_) {
    if (thread.state == Thread::State::done || ++waiting > listed_at_most) continue;
    text += "\n  thread " + text_of(thread.index) + " waits at " +
            (thread.state == Thread::State::at_block_barrier ? "__syncthreads, "
                                                             : "a warp operation, ") +
            text_of(thread.where);
  }
  if (waiting > listed_at_most) {
    text += "\n  and " + std::to_string(waiting - listed_at_most) + " more";
  }
  return text;
}

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
  auto meeting = std::find_if(warp.pending.begin(), warp.pending.end(),
                              [mask](const Rendezvous& other) { return (other.mask & mask) != 0; });
  if (meeting == warp.pending.end()) {
    meeting = warp.pending.insert(meeting, Rendezvous{operation, mask, where});
    meeting->parity = warp.generation++ % 2;
  } else if (meeting->mask != mask || meeting->operation != operation ||
             !same_place(meeting->where, where)) {
    fail("lanes of a warp meet at different calls or with different masks: " + at() + " with mask " +
         hex(mask) + ", " + name_of(meeting->operation) + " at " + text_of(meeting->where) +
         " with mask " + hex(meeting->mask));
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
    wait(self, Thread::State::at_warp_operation, where);
  }
  if (operation == WarpOperation::barrier) tsan::acquire(token);
  return self.result;
}

// ThreadSanitizer does not model fences. A fence before an atomic makes the atomic publish the thread's
// writes; a fence after one makes the thread see what the atomic's address published.
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
