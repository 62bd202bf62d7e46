#include "cuda/cuda_engine.h"

#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "cuda/device_network.h"
#include "cuda/forward_pass.h"
#include "cuda/gemm.h"
#include "cuda/launches.h"
#include "cuda/memory_budget.h"
#include "cuda/stream.h"
#include "hourglass/error.h"

namespace hourglass::cuda {
namespace {

void require_sense(const TrainingPlan& plan, const CudaOptions& options) {
  plan.network.validate();
  if (plan.train.count > 0 && plan.batch < 1) throw UsageError("the batch must be at least 1");
  if (options.epilogues == Epilogues::fused && options.arithmetic == Arithmetic::bf16)
    throw UsageError({"the CUDA engine's epilogues", "fp32 or tf32 with fused ones", "bf16",
                      "Use the project's kernels for bf16."});
  if (options.forward_rows < 1) throw UsageError("forward_rows must be at least 1");
}

void select_device(int index) { kernels::check(cudaSetDevice(index), "select the device"); }

/// Waits at its end for all work on the device. What a copy or a kernel still uses must not go away
/// before: freeing device memory waits by itself, freeing pinned memory and graphs need not.
class WaitAtEnd {
 public:
  explicit WaitAtEnd(int device) : device_(device) {}
  ~WaitAtEnd() {
    try {
      select_device(device_);
      kernels::check(cudaDeviceSynchronize(), "wait for the device");
    } catch (...) {  // nobody is left to be told
    }
  }
  WaitAtEnd(const WaitAtEnd&) = delete;
  WaitAtEnd& operator=(const WaitAtEnd&) = delete;

 private:
  int device_;
};

template <typename Element>
class CudaEngine final : public Engine {
 public:
  CudaEngine(const TrainingPlan& plan, const CudaOptions& options);

  [[nodiscard]] EngineInfo info() const override { return info_; }
  void set_state(const TrainingState& state) override;
  [[nodiscard]] TrainingState state() override;
  void run(std::int64_t count) override;
  [[nodiscard]] std::vector<StepReport> take_reports() override;
  void synchronize() override;
  [[nodiscard]] double batch_loss(std::int64_t step) override;
  [[nodiscard]] Evaluation evaluate(const Images& images) override;
  void forward(Part part, const float* input, std::int64_t rows, float* output) override;

 private:
  /// Runs `body` with the device selected. What an error leaves behind is no state to go on with.
  template <typename Body>
  decltype(auto) on_device(Body&& body) {
    if (failed_)
      throw Error(ExitCode::internal,
                  "the CUDA engine failed before and cannot go on; start from a checkpoint");
    try {
      select_device(options_.device);
      return body();
    } catch (...) {
      failed_ = true;
      throw;
    }
  }
  Launches<Element>& launches();

  TrainingPlan plan_;
  CudaOptions options_;
  EngineInfo info_;
  Stream main_;
  MemoryBudget budget_;
  DeviceBuffer<std::byte> main_workspace_;
  DeviceBuffer<std::byte> side_workspace_;
  DeviceNetwork<Element> network_;
  ForwardPass<Element> forward_pass_;
  std::optional<Gemm> main_products_;
  std::optional<Gemm> side_products_;
  std::optional<Launches<Element>> launches_;  // with training images only
  std::int64_t step_ = 0;
  bool failed_ = false;
  WaitAtEnd wait_at_end_{options_.device};  // last, so that it goes first
};

template <typename Element>
CudaEngine<Element>::CudaEngine(const TrainingPlan& plan, const CudaOptions& options)
    : plan_(plan),
      options_(options),
      network_(plan.network, plan.train.count > 0, budget_),
      forward_pass_(options.forward_rows, network_, budget_) {
  const bool training = plan.train.count > 0;
  budget_.add(main_workspace_, "workspace of products", Gemm::workspace_bytes());
  std::string placement;
  if (training) {
    budget_.add(side_workspace_, "workspace of products", Gemm::workspace_bytes());
    launches_.emplace(plan, options, network_, budget_);
    placement = launches_->resident() ? ", resident data" : ", streamed data";
  }
  budget_.take(main_.get());
  main_products_.emplace(options.arithmetic, main_workspace_.data());
  forward_pass_.prepare(*main_products_, main_);
  if (training) {
    side_products_.emplace(options.arithmetic, side_workspace_.data());
    launches_->prepare(*main_products_, *side_products_, main_);
    if (options.epilogues == Epilogues::fused)
      placement += ", fused layers: " + std::to_string(launches_->fused_layers());
  }
  main_.synchronize();

  cudaDeviceProp properties{};
  kernels::check(cudaGetDeviceProperties(&properties, options.device), "ask for the device");
  constexpr std::array arithmetic_names{"tf32", "fp32", "bf16"};
  info_ = {"cuda", std::string(properties.name) + placement,
           arithmetic_names[static_cast<std::size_t>(options.arithmetic)], 1};
}

template <typename Element>
Launches<Element>& CudaEngine<Element>::launches() {
  if (!launches_) throw UsageError("this engine has no training images to run on");
  return *launches_;
}

template <typename Element>
void CudaEngine<Element>::set_state(const TrainingState& state) {
  const auto expected = static_cast<std::size_t>(plan_.network.parameter_count());
  for (const auto* arena : {&state.parameters, &state.first_moment, &state.second_moment})
    if (arena->size() != expected)
      throw UsageError("the state is of another network: expected " + std::to_string(expected) +
                       " numbers, found " + std::to_string(arena->size()));
  on_device([&] {
    if (launches_) {
      launches_->synchronize();
      launches_->forget_reports();
    }
    network_.set_state(state, main_.get());
  });
  step_ = state.step;
}

template <typename Element>
TrainingState CudaEngine<Element>::state() {
  return on_device([&] {
    TrainingState state;
    network_.get_state(state, main_.get());
    state.step = step_;
    return state;
  });
}

template <typename Element>
void CudaEngine<Element>::run(std::int64_t count) {
  Launches<Element>& training = launches();
  on_device([&] { training.run(step_, count, main_); });
  step_ += count;
}

template <typename Element>
std::vector<StepReport> CudaEngine<Element>::take_reports() {
  if (!launches_) return {};
  return on_device([&] { return launches_->take_reports(); });
}

template <typename Element>
void CudaEngine<Element>::synchronize() {
  on_device([&] {
    if (launches_) launches_->synchronize();
  });
}

template <typename Element>
double CudaEngine<Element>::batch_loss(std::int64_t step) {
  Launches<Element>& training = launches();
  return on_device([&] { return training.batch_loss(step, main_); });
}

template <typename Element>
Evaluation CudaEngine<Element>::evaluate(const Images& images) {
  return on_device([&] { return forward_pass_.evaluate(images, main_); });
}

template <typename Element>
void CudaEngine<Element>::forward(Part part, const float* input, std::int64_t rows, float* output) {
  on_device([&] { forward_pass_.forward(part, input, rows, output, main_); });
}

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const TrainingPlan& plan, const CudaOptions& options) {
  require_sense(plan, options);
  require_cuda_device(options.device);
  select_device(options.device);
  if (options.arithmetic == Arithmetic::bf16)
    return std::make_unique<CudaEngine<kernels::Bf16>>(plan, options);
  return std::make_unique<CudaEngine<float>>(plan, options);
}

}  // namespace hourglass::cuda
