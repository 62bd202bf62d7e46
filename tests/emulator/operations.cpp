#include "emulator/operations.h"

#include <algorithm>
#include <utility>

#include "emulator/sanitizers.h"

namespace emulator {

Lane::Lane(std::uint64_t number) : number_(number), fiber_(&Lane::loop, this, lane_stack_bytes) {}

void Lane::run(const std::function<void()>& work) {
  Fiber caller;
  caller_ = &caller;
  work_ = &work;
  caller.switch_to(fiber_);
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Lane::loop(void* self) {
  auto& lane = *static_cast<Lane*>(self);
  for (;;) {
    try {
      const tsan::Unwatched unwatched;
      (*lane.work_)();
    } catch (...) {
      lane.failure_ = std::current_exception();
    }
    lane.fiber_.switch_to(*lane.caller_);
  }
}

void Scheduler::seed(std::uint64_t seed) {
  shuffled_ = seed != 0;
  random_ = Random(seed);
  enqueued_ = 0;
}

OperationPtr Scheduler::enqueue(Work work, std::shared_ptr<Lane> lane,
                                std::vector<OperationPtr> after) {
  auto operation = std::make_shared<Operation>();
  operation->work = std::move(work);
  operation->lane = std::move(lane);
  operation->number = enqueued_++;
  if (operation->work.at_enqueue) operation->work.at_enqueue();
  for (OperationPtr& earlier : after) {
    if (earlier == nullptr) continue;
    if (!earlier->done) {
      earlier->successors.push_back(operation.get());
      ++operation->blockers;
    }
    operation->after.push_back(std::move(earlier));
  }
  if (operation->blockers == 0) ready_.push_back(operation.get());
  tsan::release(operation.get());  // what the host did before it enqueued this
  waiting_.push_back(operation);
  return operation;
}

void Scheduler::draw_mood(bool may_be_lazy) {
  mood_ = random_.next();
  lazy_ = shuffled_ && may_be_lazy && random_.below(2) == 0;
}

std::uint64_t Scheduler::priority(const Operation& operation) const {
  // In order of enqueueing without a shuffle; with one, some lane runs as far ahead as it may.
  if (!shuffled_) return ~operation.number;
  return Random(mood_ ^ (operation.lane->number() * 0x9e3779b97f4a7c15u)).next();
}

Operation* Scheduler::choose(bool only_wanted) {
  if (shuffled_ && random_.below(16) == 0) mood_ = random_.next();
  auto best = ready_.end();
  for (auto candidate = ready_.begin(); candidate != ready_.end(); ++candidate) {
    if (only_wanted && !(*candidate)->wanted) continue;
    if (best == ready_.end() || priority(**candidate) > priority(**best)) best = candidate;
  }
  if (best == ready_.end()) return nullptr;
  Operation* chosen = *best;
  ready_.erase(best);
  return chosen;
}

void Scheduler::mark_wanted(Operation& target) {
  std::vector<Operation*> open{&target};
  while (!open.empty()) {
    Operation& operation = *open.back();
    open.pop_back();
    if (operation.done || operation.wanted) continue;
    operation.wanted = true;
    for (const OperationPtr& earlier : operation.after) open.push_back(earlier.get());
  }
}

void Scheduler::run_until(Operation& target) {
  draw_mood(true);
  if (lazy_) mark_wanted(target);
  while (!target.done) {
    Operation* next = choose(lazy_);
    if (next == nullptr) break;  // it was dropped
    execute(*next);
  }
  tsan::acquire(&target);
}

void Scheduler::run_all() {
  draw_mood(false);
  while (Operation* next = choose(false)) execute(*next);
  tsan::acquire(&all_done_);
}

void Scheduler::run_some() {
  draw_mood(false);
  std::size_t count = shuffled_ ? random_.below(4) : 1;
  for (; count > 0; --count) {
    Operation* next = choose(false);
    if (next == nullptr) return;
    execute(*next);
  }
}

void Scheduler::execute(Operation& operation) {
  running_ = true;
  try {
    operation.lane->run([&] {
      tsan::acquire(&operation);
      for (const OperationPtr& earlier : operation.after) tsan::acquire(earlier.get());
      around_(operation);
      tsan::release(&operation);
      tsan::release(&all_done_);
    });
  } catch (...) {
    running_ = false;
    drop_all();
    throw;
  }
  running_ = false;
  operation.finished = std::chrono::steady_clock::now();
  operation.done = true;
  for (Operation* later : operation.successors) {
    if (--later->blockers == 0) ready_.push_back(later);
  }
  operation.successors.clear();
  operation.after.clear();
  operation.work = Work{std::move(operation.work.name), {}, {}, {}};
  const auto place = std::find_if(waiting_.begin(), waiting_.end(), [&](const OperationPtr& other) {
    return other.get() == &operation;
  });
  std::swap(*place, waiting_.back());
  waiting_.pop_back();
}

void Scheduler::drop_all() {
  for (const OperationPtr& operation : waiting_) {
    operation->after.clear();
    operation->successors.clear();
    operation->done = true;
  }
  waiting_.clear();
  ready_.clear();
}

bool Scheduler::will_read(const void* begin, std::size_t bytes) const {
  const auto* first = static_cast<const std::byte*>(begin);
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const OperationPtr& operation) {
    const HostRange& source = operation->work.source;
    return source.bytes > 0 && source.begin < first + bytes && first < source.begin + source.bytes;
  });
}

}  // namespace emulator
