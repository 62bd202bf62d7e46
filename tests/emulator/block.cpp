#include "emulator/block.h"

#include <algorithm>
#include <utility>

#include "emulator/control.h"
#include "emulator/sanitizers.h"
#include "emulator/symbols.h"
#include "emulator/text.h"

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

namespace emulator {
namespace {

Block* current_block = nullptr;

/// Unwinds a thread of a kernel that is given up.
struct Abandoned {};

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
  return std::any_of(workers_.begin(), workers_.end(),
                     [address](const auto& worker) { return worker->fiber.is_guard(address); });
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
            (thread.state == Thread::State::at_block_barrier
                 ? std::string("__syncthreads, ")
                 : "a warp operation with mask " + hex(thread.mask) + ", ") +
            text_of(thread.where);
  }
  if (waiting > listed_at_most) {
    text += "\n  and " + std::to_string(waiting - listed_at_most) + " more";
  }
  return text;
}

}  // namespace emulator
