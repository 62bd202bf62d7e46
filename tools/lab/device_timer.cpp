#include "lab/device_timer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cuda/event.h"
#include "cuda/graph.h"

namespace hourglass::tools::lab {
namespace {

/// What events can tell apart, in seconds.
constexpr double resolution = 0.5e-6;

class GraphTimer {
 public:
  GraphTimer(std::vector<Operation> operations, Rig& rig)
      : stream_(rig.stream()), operations_(std::move(operations)) {
    const auto count = static_cast<std::int64_t>(operations_.size());
    launches_ = (rig.options().launches + count - 1) / count * count;
    // Once outside of the capture, which is no time to load code.
    for (const Operation& operation : operations_) operation(stream_.get());
    stream_.synchronize();
    graph_ = cuda::Graph::capture(stream_, [&] {
      for (std::int64_t i = 0; i < launches_; ++i)
        operations_[static_cast<std::size_t>(i % count)](stream_.get());
    });
  }

  [[nodiscard]] std::int64_t launches() const { return launches_; }

  /// Seconds of `repeats` launches, a multiple of launches().
  double time(std::int64_t repeats) {
    begin_.record(stream_.get());
    for (std::int64_t i = 0; i < repeats / launches_; ++i) graph_.launch(stream_);
    end_.record(stream_.get());
    end_.synchronize();
    return std::max(1e-3 * static_cast<double>(end_.milliseconds_since(begin_)), resolution);
  }

 private:
  const cuda::Stream& stream_;
  std::vector<Operation> operations_;
  std::int64_t launches_ = 0;
  cuda::Graph graph_;
  cuda::Event begin_{cuda::Event::Timing::on};
  cuda::Event end_{cuda::Event::Timing::on};
};

}  // namespace

Candidate timed_by_device(std::string name, std::vector<Operation> operations, Rig& rig) {
  const auto timer = std::make_shared<GraphTimer>(std::move(operations), rig);
  Candidate candidate;
  candidate.name = std::move(name);
  candidate.unit = timer->launches();
  candidate.time = [timer](std::int64_t repeats) { return timer->time(repeats); };
  return candidate;
}

}  // namespace hourglass::tools::lab
