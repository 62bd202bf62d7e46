#include "cpu/cpu_engine.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "cpu/data_pass.h"
#include "cpu/layer.h"
#include "cpu/thread_pool.h"
#include "cpu/weight_pass.h"
#include "hourglass/error.h"
#include "hourglass/random.h"

namespace hourglass::cpu {
namespace {

// Above this share of lit pixels the dense products are faster (measured; docs/kernels.md).
constexpr double sparse_density_limit = 0.4;
// Rows that evaluation and `forward` take at a time.
constexpr std::int64_t forward_rows = 624;

float from_magnitude(std::uint32_t bits) { return std::bit_cast<float>(bits); }

class CpuEngine final : public Engine {
 public:
  CpuEngine(const TrainingPlan& plan, const CpuOptions& options)
      : plan_(plan),
        kernels_(options.kernels != nullptr ? *options.kernels : best_kernels()),
        pool_(options.threads > 0 ? options.threads : default_threads()),
        sparse_(options.sparse_input.value_or(plan.train.count > 0 &&
                                              density(plan.train) < sparse_density_limit)),
        layers_(make_layers()),
        data_pass_(layers_, kernels_) {}

  [[nodiscard]] EngineInfo info() const override {
    std::string device = std::string(kernels_.name) + ", " + std::to_string(pool_.threads()) +
                         (pool_.threads() == 1 ? " thread" : " threads");
    if (sparse_) device += ", sparse input";
    return {"cpu", device, "fp32", pool_.threads()};
  }

  void set_state(const TrainingState& state) override {
    const auto expected = static_cast<std::size_t>(plan_.network.parameter_count());
    for (const auto* arena : {&state.parameters, &state.first_moment, &state.second_moment})
      if (arena->size() != expected)
        throw UsageError("the state is of another network: expected " + std::to_string(expected) +
                         " numbers, found " + std::to_string(arena->size()));
    pool_.run(static_cast<std::int64_t>(layers_.size()), [&](std::int64_t l, int) {
      Layer& layer = layers_[static_cast<std::size_t>(l)];
      layer.read_arena(Layer::Arena::parameters, state.parameters, kernels_);
      layer.read_arena(Layer::Arena::first_moment, state.first_moment, kernels_);
      layer.read_arena(Layer::Arena::second_moment, state.second_moment, kernels_);
    });
    step_ = state.step;
    skipped_steps_ = state.skipped_steps;
    reports_.clear();
  }

  [[nodiscard]] TrainingState state() override {
    const auto count = static_cast<std::size_t>(plan_.network.parameter_count());
    TrainingState state{std::vector<float>(count), std::vector<float>(count),
                        std::vector<float>(count), step_, skipped_steps_};
    pool_.run(static_cast<std::int64_t>(layers_.size()), [&](std::int64_t l, int) {
      const Layer& layer = layers_[static_cast<std::size_t>(l)];
      layer.write_arena(Layer::Arena::parameters, state.parameters);
      layer.write_arena(Layer::Arena::first_moment, state.first_moment);
      layer.write_arena(Layer::Arena::second_moment, state.second_moment);
    });
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
        pool_.run(weight_pass_->items(), [&](std::int64_t item, int worker) {
          weight_pass_->run(item, worker, *batch_, scalars);
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
  [[nodiscard]] std::vector<Layer> make_layers() const {
    std::vector<Layer> layers;
    const auto slots = parameter_layout(plan_.network);
    for (std::size_t l = 0; l < slots.size(); ++l)
      layers.emplace_back(slots[l], plan_.network.activations[l], l == 0, l == 0 && sparse_,
                          kernels_);
    return layers;
  }

  void require_training() {
    if (batch_) return;
    if (plan_.train.count < 1) throw UsageError("this engine has no training images to run on");
    batch_ = std::make_unique<BatchBuffers>(layers_, kernels_, plan_.batch, true);
    weight_pass_ = std::make_unique<WeightPass>(layers_, kernels_, plan_.batch, pool_.threads());
  }

  BatchBuffers& forward_buffers() {
    if (!forward_buffers_)
      forward_buffers_ = std::make_unique<BatchBuffers>(layers_, kernels_, forward_rows, false);
    return *forward_buffers_;
  }

  double forward_and_back(std::int64_t step, bool back);
  [[nodiscard]] int nonfinite_layer() const;

  TrainingPlan plan_;
  const Kernels& kernels_;
  ThreadPool pool_;
  bool sparse_;
  std::vector<Layer> layers_;
  DataPass data_pass_;
  std::unique_ptr<BatchBuffers> batch_;  // made for the first step
  std::unique_ptr<WeightPass> weight_pass_;
  std::unique_ptr<BatchBuffers> forward_buffers_;  // made for the first evaluation
  std::int64_t step_ = 0;
  std::int64_t skipped_steps_ = 0;
  std::vector<StepReport> reports_;
};

double CpuEngine::forward_and_back(std::int64_t step, bool back) {
  require_training();
  BatchBuffers& buffers = *batch_;
  const BatchStream stream(plan_.seed, static_cast<std::uint64_t>(plan_.train.count),
                           static_cast<std::uint64_t>(plan_.batch));
  const double pixels =
      static_cast<double>(plan_.batch) * static_cast<double>(plan_.network.output_width());
  const auto scale = static_cast<float>(2.0 / pixels);
  const int last_layer = static_cast<int>(layers_.size()) - 1;
  pool_.run(buffers.chunks(), [&](std::int64_t chunk, int) {
    const std::int64_t first = chunk * buffers.chunk_rows();
    const std::int64_t last = std::min(first + buffers.chunk_rows(), plan_.batch);
    stream.visit(static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(first),
                 static_cast<std::uint64_t>(last), [&](std::uint64_t row, std::uint64_t image) {
                   data_pass_.gather(buffers, plan_.train, static_cast<std::int64_t>(image),
                                     static_cast<std::int64_t>(row));
                 });
    if (sparse_) data_pass_.list_lit_pixels(buffers, chunk, first, last, back);
    data_pass_.forward(buffers, chunk, first, last, 0, last_layer);
    data_pass_.output_and_loss(buffers, chunk, first, last, scale);
    if (back) data_pass_.backward(buffers, chunk, first, last);
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
int CpuEngine::nonfinite_layer() const {
  const auto largest = [&](auto member, std::size_t l) {
    std::uint32_t value = 0;
    for (std::int64_t chunk = 0; chunk < batch_->chunks(); ++chunk)
      value = std::max(value, (batch_->magnitudes(chunk).*member)[l]);
    return from_magnitude(value);
  };
  for (std::size_t l = 0; l < layers_.size(); ++l)
    if (!std::isfinite(largest(&Magnitudes::output, l))) return static_cast<int>(l);
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const float input = l == 0 ? 1.0F : std::max(1.0F, largest(&Magnitudes::output, l - 1));
    const float bound = static_cast<float>(plan_.batch) * input * largest(&Magnitudes::gradient, l);
    if (!std::isfinite(bound * bound)) return static_cast<int>(l);
  }
  return -1;
}

Evaluation CpuEngine::evaluate(const Images& images) {
  BatchBuffers& buffers = forward_buffers();
  const int layer_count = static_cast<int>(layers_.size());
  Evaluation result;
  result.images = images.count;
  for (const Layer& layer : layers_) {
    const auto units = static_cast<std::size_t>(layer.slot.out);
    result.unit_min.emplace_back(units, std::numeric_limits<float>::infinity());
    result.unit_max.emplace_back(units, -std::numeric_limits<float>::infinity());
  }
  struct Sums {
    double se = 0;
    double se_clipped = 0;
  };
  std::vector<Sums> row_sums(static_cast<std::size_t>(buffers.rows()));
  std::vector<Evaluation> ranges(static_cast<std::size_t>(pool_.threads()), result);

  for (std::int64_t start = 0; start < images.count; start += buffers.rows()) {
    const std::int64_t rows = std::min(buffers.rows(), images.count - start);
    const std::int64_t chunks = (rows + buffers.chunk_rows() - 1) / buffers.chunk_rows();
    pool_.run(chunks, [&](std::int64_t chunk, int worker) {
      const std::int64_t first = chunk * buffers.chunk_rows();
      const std::int64_t last = std::min(first + buffers.chunk_rows(), rows);
      for (std::int64_t row = first; row < last; ++row)
        data_pass_.gather(buffers, images, start + row, row);
      if (sparse_) data_pass_.list_lit_pixels(buffers, chunk, first, last, false);
      data_pass_.forward(buffers, chunk, first, last, 0, layer_count);

      Evaluation& range = ranges[static_cast<std::size_t>(worker)];
      for (int l = 0; l < layer_count; ++l) {
        auto& low = range.unit_min[static_cast<std::size_t>(l)];
        auto& high = range.unit_max[static_cast<std::size_t>(l)];
        for (std::int64_t row = first; row < last; ++row) {
          const float* a = buffers.activation(l + 1, row);
          for (std::size_t unit = 0; unit < low.size(); ++unit) {
            low[unit] = std::min(low[unit], a[unit]);
            high[unit] = std::max(high[unit], a[unit]);
          }
        }
      }
      for (std::int64_t row = first; row < last; ++row) {
        const float* x = buffers.activation(0, row);
        const float* y = buffers.activation(layer_count, row);
        Sums sums;
        for (std::int64_t i = 0; i < plan_.network.output_width(); ++i) {
          const double difference = static_cast<double>(y[i]) - static_cast<double>(x[i]);
          const double clipped =
              std::clamp(static_cast<double>(y[i]), 0.0, 1.0) - static_cast<double>(x[i]);
          sums.se += difference * difference;
          sums.se_clipped += clipped * clipped;
        }
        row_sums[static_cast<std::size_t>(row)] = sums;
      }
    });
    for (std::int64_t row = 0; row < rows; ++row) {
      result.se_sum += row_sums[static_cast<std::size_t>(row)].se;
      result.se_clipped_sum += row_sums[static_cast<std::size_t>(row)].se_clipped;
    }
  }
  for (const Evaluation& range : ranges) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      for (std::size_t unit = 0; unit < result.unit_min[l].size(); ++unit) {
        result.unit_min[l][unit] = std::min(result.unit_min[l][unit], range.unit_min[l][unit]);
        result.unit_max[l][unit] = std::max(result.unit_max[l][unit], range.unit_max[l][unit]);
      }
    }
  }
  return result;
}

void CpuEngine::forward(Part part, const float* input, std::int64_t rows, float* output) {
  BatchBuffers& buffers = forward_buffers();
  const int begin = part == Part::decoder ? plan_.network.encoder_layers() : 0;
  const int end =
      part == Part::encoder ? plan_.network.encoder_layers() : static_cast<int>(layers_.size());
  const std::int64_t in = plan_.network.widths[static_cast<std::size_t>(begin)];
  const std::int64_t out = plan_.network.widths[static_cast<std::size_t>(end)];
  for (std::int64_t start = 0; start < rows; start += buffers.rows()) {
    const std::int64_t block = std::min(buffers.rows(), rows - start);
    const std::int64_t chunks = (block + buffers.chunk_rows() - 1) / buffers.chunk_rows();
    pool_.run(chunks, [&](std::int64_t chunk, int) {
      const std::int64_t first = chunk * buffers.chunk_rows();
      const std::int64_t last = std::min(first + buffers.chunk_rows(), block);
      for (std::int64_t row = first; row < last; ++row)
        std::copy_n(input + (start + row) * in, in, buffers.activation(begin, row));
      if (sparse_ && begin == 0) data_pass_.list_lit_pixels(buffers, chunk, first, last, false);
      data_pass_.forward(buffers, chunk, first, last, begin, end);
      for (std::int64_t row = first; row < last; ++row)
        std::copy_n(buffers.activation(end, row), out, output + (start + row) * out);
    });
  }
}

}  // namespace

double density(const Images& images) {
  if (images.count == 0) return 1.0;
  constexpr std::int64_t sample = 1000;
  const std::int64_t step = std::max<std::int64_t>(1, images.count / sample);
  std::vector<float> row(static_cast<std::size_t>(images.width()));
  std::int64_t lit = 0;
  std::int64_t seen = 0;
  for (std::int64_t i = 0; i < images.count; i += step) {
    images.read(i, row.data());
    lit += std::count_if(row.begin(), row.end(), [](float x) { return x != 0.0F; });
    seen += images.width();
  }
  return static_cast<double>(lit) / static_cast<double>(seen);
}

std::unique_ptr<Engine> make_cpu_engine(const TrainingPlan& plan, const CpuOptions& options) {
  plan.network.validate();
  plan.optimizer.validate();
  if (plan.batch < 1)
    throw UsageError("the batch must be at least 1, found " + std::to_string(plan.batch));
  return std::make_unique<CpuEngine>(plan, options);
}

}  // namespace hourglass::cpu
