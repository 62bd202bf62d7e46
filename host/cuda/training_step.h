// What one training step puts into the streams: gather, forward, loss, backward, Adam.
//
// Two streams: `main` holds the chain of forward and backward passes, `side` what hangs off it and
// only has to be done before Adam, the weight gradients above all.
#pragma once

#include <cstdint>
#include <vector>

#include "cuda/cuda_engine.h"
#include "cuda/device_network.h"
#include "cuda/event.h"
#include "cuda/gemm.h"
#include "cuda/memory_budget.h"
#include "cuda/stream.h"
#include "hourglass/engine.h"
#include "kernels/adam.h"
#include "kernels/gather.h"

namespace hourglass::cuda {

/// Where one step finds its scalars and leaves its report: device addresses.
struct StepPlace {
  const std::int64_t* first_step = nullptr;  // of the range; this step is `*first_step + offset`
  const AdamStep* schedule = nullptr;        // scalars of the range's steps
  std::int64_t offset = 0;
  double* loss_sum = nullptr;               // this step's sum of squared errors
  std::int32_t* nonfinite_layer = nullptr;  // this step's
  std::uint32_t* magnitudes = nullptr;      // (2 * layers), zero
};

/// Where a step's images are: device addresses.
struct StepImages {
  const std::byte* pixels = nullptr;
  bool in_order = false;  // the batch's rows one after another, not the whole set
};

/// `Element` is float or Bf16: what activations and output gradients are kept in.
template <typename Element>
class TrainingStep {
 public:
  TrainingStep(const TrainingPlan& plan, Epilogues epilogues, DeviceNetwork<Element>& network,
               MemoryBudget& budget);

  /// After the budget was taken: settles the products, and waits.
  void prepare(Gemm& main_products, Gemm& side_products, cudaStream_t main);
  /// Layers whose epilogues the products apply; known after prepare().
  [[nodiscard]] int fused_layers() const;

  /// The whole step.
  void enqueue(const StepPlace& place, const StepImages& images, cudaStream_t main);
  /// Gather, forward and loss only; parameters stay.
  void enqueue_loss(const StepPlace& place, const StepImages& images, cudaStream_t main);

 private:
  struct Layer {
    std::int64_t in = 0;
    std::int64_t out = 0;
    std::int64_t stride = 0;  // of output, slopes and gradient
    Activation activation = Activation::relu;
    bool fused = false;              // bias, ReLU and its mask are done in the products
    DeviceBuffer<Element> output;    // a (batch, out); of the last layer: not kept
    DeviceBuffer<float> slopes;      // act'(z), for activations that need it
    DeviceBuffer<std::byte> mask;    // of a fused layer
    DeviceBuffer<Element> gradient;  // dz (batch, out)
    DeviceBuffer<float> bias_partials;
    std::int64_t bias_row_blocks = 0;
    int forward_product = -1;
    int gradient_product = -1;  // dz W: the gradient of the layer's input
    int weight_product = -1;    // dz^T a
  };

  /// Both products of a layer that is to be fused, or else neither of them: its kernels then.
  void prepare_fused(std::size_t layer, Gemm& products, cudaStream_t main);
  /// Raises the magnitude of a fused layer's output, in `side`.
  void note_fused_output(std::size_t layer, std::uint32_t* magnitude);
  void forward(const StepPlace& place, const StepImages& images, cudaStream_t main);
  void loss(const StepPlace& place, cudaStream_t main);
  void backward(const StepPlace& place, cudaStream_t main);
  void layer_backward(std::size_t below, const StepPlace& place, cudaStream_t main);
  void update(const StepPlace& place, cudaStream_t main);
  /// Later work in `side` comes after what is in `main` now.
  void fork(cudaStream_t main);
  /// The other way round.
  void join(cudaStream_t main);

  /// Products write here before the element type is reached: the matrix itself where it is float.
  [[nodiscard]] float* product_target(DeviceBuffer<Element>& matrix);
  [[nodiscard]] const Element* input_of(std::size_t layer) const;
  [[nodiscard]] std::int64_t input_stride(std::size_t layer) const;
  [[nodiscard]] Product forward_product(std::size_t layer);
  [[nodiscard]] Product gradient_product(std::size_t layer);
  [[nodiscard]] Product weight_product(std::size_t layer);
  [[nodiscard]] std::uint32_t* output_magnitude(const StepPlace& place, std::size_t layer) const {
    return place.magnitudes + layer;
  }
  [[nodiscard]] std::uint32_t* gradient_magnitude(const StepPlace& place, std::size_t layer) const {
    return place.magnitudes + layers_.size() + layer;
  }

  DeviceNetwork<Element>& network_;
  std::int64_t batch_;
  std::uint64_t seed_;
  Images images_;
  DeviceBuffer<Element> input_;  // (batch, input width)
  DeviceBuffer<float> scratch_;  // results of products on their way to bf16
  DeviceBuffer<float> loss_partials_;
  DeviceBuffer<kernels::AdamLayer> adam_layers_;
  std::vector<Layer> layers_;
  Stream side_;
  Event forked_;
  Event joined_;
  Gemm* main_products_ = nullptr;
  Gemm* side_products_ = nullptr;
};

}  // namespace hourglass::cuda
