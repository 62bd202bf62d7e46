#include "reference/reference_engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "hourglass/error.h"
#include "hourglass/random.h"
#include "reference/network.h"

namespace hourglass::reference {
namespace {

std::vector<double> widen(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}
std::vector<float> narrow(const std::vector<double>& values) {
  std::vector<float> result(values.size());
  std::ranges::transform(values, result.begin(), [](double x) { return static_cast<float>(x); });
  return result;
}

std::vector<double> image(const Images& images, std::int64_t index) {
  std::vector<float> pixels(static_cast<std::size_t>(images.width()));
  images.read(index, pixels.data());
  return widen(pixels);
}

class ReferenceEngine final : public Engine {
 public:
  explicit ReferenceEngine(const TrainingPlan& plan) : plan_(plan) {}

  [[nodiscard]] EngineInfo info() const override {
    return {"reference", "plain loops, 1 thread", "fp64", 1};
  }

  void set_state(const TrainingState& state) override {
    if (state.parameters.size() != static_cast<std::size_t>(plan_.network.parameter_count()))
      throw UsageError("the state is of another network");
    parameters_ = widen(state.parameters);
    first_moment_ = widen(state.first_moment);
    second_moment_ = widen(state.second_moment);
    step_ = state.step;
    skipped_steps_ = state.skipped_steps;
    reports_.clear();
  }

  [[nodiscard]] TrainingState state() override {
    return {narrow(parameters_), narrow(first_moment_), narrow(second_moment_), step_,
            skipped_steps_};
  }

  void run(std::int64_t count) override {
    for (std::int64_t i = 0; i < count; ++i, ++step_) {
      const auto result = loss_and_gradient(plan_.network, parameters_, batch(step_));
      reports_.push_back({step_, result.loss, result.nonfinite_layer});
      if (result.nonfinite_layer >= 0) {
        ++skipped_steps_;
        continue;
      }
      for (std::size_t p = 0; p < parameters_.size(); ++p) {
        const AdamNumbers next =
            adam(plan_.optimizer, step_, {parameters_[p], first_moment_[p], second_moment_[p]},
                 result.gradient[p]);
        parameters_[p] = next.parameter;
        first_moment_[p] = next.first_moment;
        second_moment_[p] = next.second_moment;
      }
    }
  }

  [[nodiscard]] std::vector<StepReport> take_reports() override {
    return std::exchange(reports_, {});
  }
  void synchronize() override {}

  [[nodiscard]] double batch_loss(std::int64_t step) override {
    return loss(plan_.network, parameters_, batch(step));
  }

  [[nodiscard]] Evaluation evaluate(const Images& images) override {
    Evaluation result;
    result.images = images.count;
    for (std::size_t l = 1; l < plan_.network.widths.size(); ++l) {
      const auto units = static_cast<std::size_t>(plan_.network.widths[l]);
      result.unit_min.emplace_back(units, std::numeric_limits<float>::infinity());
      result.unit_max.emplace_back(units, -std::numeric_limits<float>::infinity());
    }
    for (std::int64_t i = 0; i < images.count; ++i) {
      const std::vector<double> x = image(images, i);
      const Trace<double> trace = reference::forward(plan_.network, parameters_, x);
      for (std::size_t p = 0; p < x.size(); ++p) {
        const double y = trace.a.back()[p];
        const double clipped = std::clamp(y, 0.0, 1.0);
        result.se_sum += (y - x[p]) * (y - x[p]);
        result.se_clipped_sum += (clipped - x[p]) * (clipped - x[p]);
      }
      for (std::size_t l = 0; l < result.unit_min.size(); ++l) {
        for (std::size_t unit = 0; unit < result.unit_min[l].size(); ++unit) {
          const auto a = static_cast<float>(trace.a[l + 1][unit]);
          result.unit_min[l][unit] = std::min(result.unit_min[l][unit], a);
          result.unit_max[l][unit] = std::max(result.unit_max[l][unit], a);
        }
      }
    }
    return result;
  }

  void forward(Part part, const float* input, std::int64_t rows, float* output) override {
    const int begin = part == Part::decoder ? plan_.network.encoder_layers() : 0;
    const int end = part == Part::encoder ? plan_.network.encoder_layers() : plan_.network.layers();
    const auto in = static_cast<std::size_t>(plan_.network.widths[static_cast<std::size_t>(begin)]);
    for (std::int64_t row = 0; row < rows; ++row, input += in) {
      const std::vector<double> x(input, input + in);
      const Trace<double> trace = reference::forward(plan_.network, parameters_, x, begin, end);
      for (const double y : trace.a.back()) *output++ = static_cast<float>(y);
    }
  }

 private:
  [[nodiscard]] std::vector<std::vector<double>> batch(std::int64_t step) const {
    std::vector<std::vector<double>> images;
    const BatchStream stream(plan_.seed, static_cast<std::uint64_t>(plan_.train.count),
                             static_cast<std::uint64_t>(plan_.batch));
    stream.visit(static_cast<std::uint64_t>(step), 0, stream.batch(),
                 [&](std::uint64_t, std::uint64_t index) {
                   images.push_back(image(plan_.train, static_cast<std::int64_t>(index)));
                 });
    return images;
  }

  TrainingPlan plan_;
  std::vector<double> parameters_;
  std::vector<double> first_moment_;
  std::vector<double> second_moment_;
  std::int64_t step_ = 0;
  std::int64_t skipped_steps_ = 0;
  std::vector<StepReport> reports_;
};

}  // namespace

std::unique_ptr<Engine> make_reference_engine(const TrainingPlan& plan) {
  return std::make_unique<ReferenceEngine>(plan);
}

}  // namespace hourglass::reference
