// The frame of the CPU engine: batches, chunks of rows, reports and evaluation, whatever arithmetic
// (passes.h) stands behind it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpu/passes.h"
#include "cpu/thread_pool.h"
#include "hourglass/engine.h"
#include "hourglass/error.h"
#include "hourglass/random.h"

namespace hourglass::cpu {

template <Passes P>
class EngineFrame final : public Engine {
 public:
  using Buffers = typename P::Buffers;

  EngineFrame(const TrainingPlan& plan, EngineInfo info, std::unique_ptr<P> passes)
      : plan_(plan), info_(std::move(info)), pool_(info_.threads), passes_(std::move(passes)) {}

  [[nodiscard]] EngineInfo info() const override { return info_; }

  void set_state(const TrainingState& state) override {
    const auto expected = static_cast<std::size_t>(plan_.network.parameter_count());
    for (const auto* arena : {&state.parameters, &state.first_moment, &state.second_moment})
      if (arena->size() != expected)
        throw UsageError("the state is of another network: expected " + std::to_string(expected) +
                         " numbers, found " + std::to_string(arena->size()));
    passes_->read_state(state, pool_);
    step_ = state.step;
    skipped_steps_ = state.skipped_steps;
    reports_.clear();
  }

  [[nodiscard]] TrainingState state() override {
    const auto count = static_cast<std::size_t>(plan_.network.parameter_count());
    TrainingState state{std::vector<float>(count), std::vector<float>(count),
                        std::vector<float>(count), step_, skipped_steps_};
    passes_->write_state(state, pool_);
    return state;
  }

  void run(std::int64_t count) override {
    for (std::int64_t i = 0; i < count; ++i) {
      StepReport report;
      report.step = step_;
      report.loss = forward_and_back(step_, true);
      report.nonfinite_layer = nonfinite_layer();
      if (report.nonfinite_layer < 0) {
        const AdamStep scalars = adam_step(plan_.optimizer, step_);
        passes_->prepare_update(*batch_, pool_);
        pool_.run(passes_->weight_items(), [&](std::int64_t item, int worker) {
          passes_->update_weights(item, worker, *batch_, scalars);
        });
      } else {
        ++skipped_steps_;
      }
      ++step_;
      reports_.push_back(report);
    }
  }

  [[nodiscard]] std::vector<StepReport> take_reports() override {
    return std::exchange(reports_, {});
  }
  void synchronize() override {}

  [[nodiscard]] double batch_loss(std::int64_t step) override {
    return forward_and_back(step, false);
  }

  [[nodiscard]] Evaluation evaluate(const Images& images) override;
  void forward(Part part, const float* input, std::int64_t rows, float* output) override;

 private:
  struct Sums {
    double se = 0;
    double se_clipped = 0;
  };

  void require_training() {
    if (batch_) return;
    if (plan_.train.count < 1) throw UsageError("this engine has no training images to run on");
    batch_.emplace(passes_->make_buffers(plan_.batch, true));
    passes_->prepare_weights(plan_.batch, pool_.threads());
  }

  Buffers& forward_buffers() {
    constexpr std::int64_t rows_at_a_time = 624;
    if (!forward_buffers_) forward_buffers_.emplace(passes_->make_buffers(rows_at_a_time, false));
    return *forward_buffers_;
  }

  /// Calls `body(rows, worker)` for the chunks that hold the first `count` rows of `buffers`.
  template <typename Body>
  void for_each_chunk(const Buffers& buffers, std::int64_t count, Body&& body) {
    const std::int64_t chunk_rows = buffers.chunk_rows();
    pool_.run((count + chunk_rows - 1) / chunk_rows, [&](std::int64_t chunk, int worker) {
      const std::int64_t first = chunk * chunk_rows;
      body(Rows{chunk, first, std::min(first + chunk_rows, count), worker}, worker);
    });
  }

  double forward_and_back(std::int64_t step, bool back);
  [[nodiscard]] int nonfinite_layer();
  [[nodiscard]] Sums squared_errors(Buffers& buffers, std::int64_t row) const;

  TrainingPlan plan_;
  EngineInfo info_;
  const Kernels& kernels_ = best_kernels();  // of the passes over pixels
  ThreadPool pool_;
  std::unique_ptr<P> passes_;
  std::optional<Buffers> batch_;            // made for the first step
  std::optional<Buffers> forward_buffers_;  // made for the first evaluation
  std::int64_t step_ = 0;
  std::int64_t skipped_steps_ = 0;
  std::vector<StepReport> reports_;
};

template <Passes P>
double EngineFrame<P>::forward_and_back(std::int64_t step, bool back) {
  require_training();
  Buffers& buffers = *batch_;
  const BatchStream stream(plan_.seed, static_cast<std::uint64_t>(plan_.train.count),
                           static_cast<std::uint64_t>(plan_.batch));
  const double pixels =
      static_cast<double>(plan_.batch) * static_cast<double>(plan_.network.output_width());
  const auto scale = static_cast<float>(2.0 / pixels);
  for_each_chunk(buffers, plan_.batch, [&](const Rows& rows, int) {
    stream.visit(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(rows.first),
                 static_cast<std::uint64_t>(rows.last),
                 [&](std::uint64_t row, std::uint64_t image) {
                   gather(plan_.train, static_cast<std::int64_t>(image), kernels_,
                          buffers.activation(0, static_cast<std::int64_t>(row)));
                 });
    passes_->prepare_input(buffers, rows, 0, back);
    passes_->forward(buffers, rows, 0, plan_.network.layers() - 1);
    passes_->output_and_loss(buffers, rows, scale);
    if (back) passes_->backward(buffers, rows);
  });
  double sum = 0;
  for (std::int64_t row = 0; row < plan_.batch; ++row)
    for (int lane = 0; lane < buffers.lanes(); ++lane)
      sum += static_cast<double>(buffers.row_loss(row)[lane]);
  return sum / pixels;
}

// A weight gradient is a sum of `batch` products of an output and a gradient, so the largest of
// each bound it. The bound, squared for Adam's second moment, must stay finite; that is decided
// before any parameter is touched, and costs no look at the gradients themselves.
template <Passes P>
int EngineFrame<P>::nonfinite_layer() {
  const auto largest = [&](auto member, std::size_t l) {
    std::uint32_t value = 0;
    for (std::int64_t chunk = 0; chunk < batch_->chunks(); ++chunk)
      value = std::max(value, (batch_->magnitudes(chunk).*member)[l]);
    return std::bit_cast<float>(value);
  };
  const auto layers = static_cast<std::size_t>(plan_.network.layers());
  for (std::size_t l = 0; l < layers; ++l)
    if (!std::isfinite(largest(&Magnitudes::output, l))) return static_cast<int>(l);
  for (std::size_t l = layers; l-- > 0;) {
    const float input = l == 0 ? 1.0F : std::max(1.0F, largest(&Magnitudes::output, l - 1));
    const float bound = static_cast<float>(plan_.batch) * input * largest(&Magnitudes::gradient, l);
    if (!std::isfinite(bound * bound)) return static_cast<int>(l);
  }
  return -1;
}

template <Passes P>
typename EngineFrame<P>::Sums EngineFrame<P>::squared_errors(Buffers& buffers,
                                                             std::int64_t row) const {
  const float* x = buffers.activation(0, row);
  const float* y = buffers.activation(plan_.network.layers(), row);
  Sums sums;
  for (std::int64_t i = 0; i < plan_.network.output_width(); ++i) {
    const double target = static_cast<double>(x[i]);
    const double difference = static_cast<double>(y[i]) - target;
    const double clipped = std::clamp(static_cast<double>(y[i]), 0.0, 1.0) - target;
    sums.se += difference * difference;
    sums.se_clipped += clipped * clipped;
  }
  return sums;
}

template <Passes P>
Evaluation EngineFrame<P>::evaluate(const Images& images) {
  Buffers& buffers = forward_buffers();
  const int layers = plan_.network.layers();
  Evaluation result;
  result.images = images.count;
  for (int l = 0; l < layers; ++l) {
    const auto units =
        static_cast<std::size_t>(plan_.network.widths[static_cast<std::size_t>(l + 1)]);
    result.unit_min.emplace_back(units, std::numeric_limits<float>::infinity());
    result.unit_max.emplace_back(units, -std::numeric_limits<float>::infinity());
  }
  const auto widen_range = [](std::vector<float>& low, std::vector<float>& high,
                              const float* other_low, const float* other_high) {
    for (std::size_t unit = 0; unit < low.size(); ++unit) {
      low[unit] = std::min(low[unit], other_low[unit]);
      high[unit] = std::max(high[unit], other_high[unit]);
    }
  };
  std::vector<Sums> row_sums(static_cast<std::size_t>(buffers.rows()));
  std::vector<Evaluation> ranges(static_cast<std::size_t>(pool_.threads()), result);

  for (std::int64_t start = 0; start < images.count; start += buffers.rows()) {
    const std::int64_t count = std::min(buffers.rows(), images.count - start);
    for_each_chunk(buffers, count, [&](const Rows& rows, int worker) {
      for (std::int64_t row = rows.first; row < rows.last; ++row)
        gather(images, start + row, kernels_, buffers.activation(0, row));
      passes_->prepare_input(buffers, rows, 0, false);
      passes_->forward(buffers, rows, 0, layers);
      Evaluation& range = ranges[static_cast<std::size_t>(worker)];
      for (std::int64_t row = rows.first; row < rows.last; ++row) {
        for (int l = 0; l < layers; ++l) {
          const float* a = buffers.activation(l + 1, row);
          widen_range(range.unit_min[static_cast<std::size_t>(l)],
                      range.unit_max[static_cast<std::size_t>(l)], a, a);
        }
        row_sums[static_cast<std::size_t>(row)] = squared_errors(buffers, row);
      }
    });
    for (std::int64_t row = 0; row < count; ++row) {
      result.se_sum += row_sums[static_cast<std::size_t>(row)].se;
      result.se_clipped_sum += row_sums[static_cast<std::size_t>(row)].se_clipped;
    }
  }
  for (const Evaluation& range : ranges)
    for (std::size_t l = 0; l < result.unit_min.size(); ++l)
      widen_range(result.unit_min[l], result.unit_max[l], range.unit_min[l].data(),
                  range.unit_max[l].data());
  return result;
}

template <Passes P>
void EngineFrame<P>::forward(Part part, const float* input, std::int64_t rows, float* output) {
  Buffers& buffers = forward_buffers();
  const int begin = part == Part::decoder ? plan_.network.encoder_layers() : 0;
  const int end = part == Part::encoder ? plan_.network.encoder_layers() : plan_.network.layers();
  const std::int64_t in = plan_.network.widths[static_cast<std::size_t>(begin)];
  const std::int64_t out = plan_.network.widths[static_cast<std::size_t>(end)];
  for (std::int64_t start = 0; start < rows; start += buffers.rows()) {
    const std::int64_t count = std::min(buffers.rows(), rows - start);
    for_each_chunk(buffers, count, [&](const Rows& part_rows, int) {
      for (std::int64_t row = part_rows.first; row < part_rows.last; ++row)
        std::copy_n(input + (start + row) * in, in, buffers.activation(begin, row));
      passes_->prepare_input(buffers, part_rows, begin, false);
      passes_->forward(buffers, part_rows, begin, end);
      for (std::int64_t row = part_rows.first; row < part_rows.last; ++row)
        std::copy_n(buffers.activation(end, row), out, output + (start + row) * out);
    });
  }
}

}  // namespace hourglass::cpu
