#include "train/check_engine.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

namespace hourglass {
namespace {

double largest_difference(const float* subject, const float* oracle, std::int64_t count) {
  double difference = 0;
  double magnitude = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    difference = std::max(
        difference, std::abs(static_cast<double>(subject[i]) - static_cast<double>(oracle[i])));
    magnitude = std::max(magnitude, std::abs(static_cast<double>(oracle[i])));
  }
  return magnitude > 0 ? difference / magnitude : difference;
}

class CheckEngine final : public Engine {
 public:
  CheckEngine(const TrainingPlan& plan, std::unique_ptr<Engine> subject,
              std::unique_ptr<Engine> oracle)
      : plan_(plan), subject_(std::move(subject)), oracle_(std::move(oracle)) {}

  [[nodiscard]] EngineInfo info() const override {
    EngineInfo info = subject_->info();
    info.device += ", checked against " + oracle_->info().name;
    return info;
  }
  void set_state(const TrainingState& state) override {
    subject_->set_state(state);
    oracle_->set_state(state);
  }
  [[nodiscard]] TrainingState state() override { return subject_->state(); }

  // One step at a time, both from the subject's state: the check is of single steps, not of how far
  // rounding drives two trainings apart.
  void run(std::int64_t count) override {
    for (std::int64_t i = 0; i < count; ++i) run_step();
  }

  void run_step() {
    const TrainingState before = subject_->state();
    oracle_->set_state(before);
    subject_->run(1);
    subject_->synchronize();
    oracle_->run(1);
    const auto oracle_reports = oracle_->take_reports();
    const TrainingState subject = subject_->state();
    const TrainingState oracle = oracle_->state();
    std::fprintf(stderr, "check  step %lld, loss by the oracle %.9f\n",
                 static_cast<long long>(before.step),
                 oracle_reports.empty() ? 0.0 : oracle_reports.back().loss);
    const auto print = [&](const char* arena, const std::vector<float>& a,
                           const std::vector<float>& b) {
      std::fprintf(stderr, "check  %-13s", arena);
      const auto differences = compare(plan_.network, a, b);
      for (std::size_t l = 0; l < differences.size(); ++l)
        std::fprintf(stderr, "  layer %zu: W %.1e b %.1e", l, differences[l].weight,
                     differences[l].bias);
      std::fputc('\n', stderr);
    };
    print("parameters", subject.parameters, oracle.parameters);
    print("first moment", subject.first_moment, oracle.first_moment);
    print("second moment", subject.second_moment, oracle.second_moment);
  }

  [[nodiscard]] std::vector<StepReport> take_reports() override { return subject_->take_reports(); }
  void synchronize() override { subject_->synchronize(); }
  [[nodiscard]] double batch_loss(std::int64_t step) override { return subject_->batch_loss(step); }
  [[nodiscard]] Evaluation evaluate(const Images& images) override {
    return subject_->evaluate(images);
  }
  void forward(Part part, const float* input, std::int64_t rows, float* output) override {
    subject_->forward(part, input, rows, output);
  }

 private:
  TrainingPlan plan_;
  std::unique_ptr<Engine> subject_;
  std::unique_ptr<Engine> oracle_;
};

}  // namespace

std::unique_ptr<Engine> make_check_engine(const TrainingPlan& plan, std::unique_ptr<Engine> subject,
                                          std::unique_ptr<Engine> oracle) {
  return std::make_unique<CheckEngine>(plan, std::move(subject), std::move(oracle));
}

std::vector<TensorDifference> compare(const NetworkSpec& network, const std::vector<float>& subject,
                                      const std::vector<float>& oracle) {
  std::vector<TensorDifference> differences;
  for (const LayerSlot& slot : parameter_layout(network))
    differences.push_back(
        {largest_difference(subject.data() + slot.weight, oracle.data() + slot.weight,
                            slot.in * slot.out),
         largest_difference(subject.data() + slot.bias, oracle.data() + slot.bias, slot.out)});
  return differences;
}

}  // namespace hourglass
