#include "cuda/training_step.h"

#include <algorithm>
#include <optional>
#include <string>

#include "cuda/nvtx.h"
#include "kernels/activation_backward.h"
#include "kernels/bias_activation.h"
#include "kernels/loss.h"
#include "kernels/magnitude.h"
#include "kernels/metrics.h"

namespace hourglass::cuda {
namespace {

template <typename Element>
constexpr bool is_float = std::is_same_v<Element, float>;

}  // namespace

template <typename Element>
TrainingStep<Element>::TrainingStep(const TrainingPlan& plan, Epilogues epilogues,
                                    DeviceNetwork<Element>& network, MemoryBudget& budget)
    : network_(network),
      batch_(plan.batch),
      seed_(plan.seed),
      images_(plan.train),
      layers_(network.layers()) {
  budget.add(input_, "the batch", batch_ * row_stride<Element>(plan.network.input_width()));
  std::int64_t widest = 0;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    const std::string of_layer = " of layer " + std::to_string(l);
    const bool hidden = l + 1 < layers_.size();
    layer.in = network.slot(l).in;
    layer.out = network.slot(l).out;
    layer.stride = row_stride<Element>(layer.out);
    layer.activation = plan.network.activations[l];
    layer.fused = hidden && epilogues == Epilogues::fused && layer.activation == Activation::relu;
    layer.bias_row_blocks =
        hidden ? kernels::backward_row_blocks(batch_) : kernels::loss_row_blocks(batch_);
    widest = std::max(widest, layer.stride);
    budget.add(layer.gradient, "gradients" + of_layer, batch_ * layer.stride);
    budget.add(layer.bias_partials, "bias gradients" + of_layer, layer.bias_row_blocks * layer.out);
    if (!hidden) continue;
    budget.add(layer.output, "outputs" + of_layer, batch_ * layer.stride);
    if (layer.activation == Activation::gelu)
      budget.add(layer.slopes, "slopes" + of_layer, batch_ * layer.stride);
    if (layer.fused) budget.add(layer.mask, "masks" + of_layer, mask_bytes(batch_, layer.out));
  }
  if constexpr (!is_float<Element>) budget.add(scratch_, "product results", batch_ * widest);
  budget.add(loss_partials_, "loss sums",
             kernels::loss_partials(batch_, plan.network.output_width()));
  budget.add(adam_layers_, "the layer table", static_cast<std::int64_t>(layers_.size()));
}

template <typename Element>
float* TrainingStep<Element>::product_target(DeviceBuffer<Element>& matrix) {
  if constexpr (is_float<Element>)
    return matrix.data();
  else
    return scratch_.data();
}

template <typename Element>
const Element* TrainingStep<Element>::input_of(std::size_t layer) const {
  return layer == 0 ? input_.data() : layers_[layer - 1].output.data();
}

template <typename Element>
std::int64_t TrainingStep<Element>::input_stride(std::size_t layer) const {
  return row_stride<Element>(layers_[layer].in);
}

template <typename Element>
Product TrainingStep<Element>::forward_product(std::size_t l) {
  Layer& layer = layers_[l];
  Product product;
  product.rows = batch_;
  product.columns = layer.out;
  product.depth = layer.in;
  product.a = input_of(l);
  product.a_stride = input_stride(l);
  product.b = network_.weight(l);
  product.b_stride = network_.weight_stride(l);
  product.b_transposed = true;
  product.c = product_target(l + 1 < layers_.size() ? layer.output : layer.gradient);
  product.c_stride = layer.stride;
  if (layer.fused) {
    product.epilogue = Epilogue::bias_relu;
    product.bias = network_.bias(l);
    product.mask = layer.mask.data();
  }
  return product;
}

template <typename Element>
Product TrainingStep<Element>::gradient_product(std::size_t l) {
  Layer& below = layers_[l - 1];
  Product product;
  product.rows = batch_;
  product.columns = below.out;
  product.depth = layers_[l].out;
  product.a = layers_[l].gradient.data();
  product.a_stride = layers_[l].stride;
  product.b = network_.weight(l);
  product.b_stride = network_.weight_stride(l);
  product.c = product_target(below.gradient);
  product.c_stride = below.stride;
  if (below.fused) {
    product.epilogue = Epilogue::mask_and_bias_gradient;
    product.mask = below.mask.data();
    product.bias_gradient = below.bias_partials.data();
  }
  return product;
}

template <typename Element>
Product TrainingStep<Element>::weight_product(std::size_t l) {
  Layer& layer = layers_[l];
  Product product;
  product.rows = layer.out;
  product.columns = layer.in;
  product.depth = batch_;
  product.a = layer.gradient.data();
  product.a_stride = layer.stride;
  product.a_transposed = true;
  product.b = input_of(l);
  product.b_stride = input_stride(l);
  product.c = network_.gradients() + network_.slot(l).weight;
  product.c_stride = layer.in;
  return product;
}

template <typename Element>
void TrainingStep<Element>::prepare_fused(std::size_t l, Gemm& products, cudaStream_t main) {
  Layer& layer = layers_[l];
  Layer& above = layers_[l + 1];
  const auto forward = products.try_prepare(forward_product(l), main);
  const auto gradient =
      forward ? products.try_prepare(gradient_product(l + 1), main) : std::nullopt;
  layer.fused = gradient.has_value();
  if (!layer.fused) return;
  layer.forward_product = *forward;
  above.gradient_product = *gradient;
  layer.bias_row_blocks = 1;  // the product adds up whole columns
}

template <typename Element>
int TrainingStep<Element>::fused_layers() const {
  return static_cast<int>(std::ranges::count_if(layers_, &Layer::fused));
}

template <typename Element>
void TrainingStep<Element>::prepare(Gemm& main_products, Gemm& side_products, cudaStream_t main) {
  main_products_ = &main_products;
  side_products_ = &side_products;
  std::vector<kernels::AdamLayer> table;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    if (layer.fused) prepare_fused(l, main_products, main);
    if (layer.forward_product < 0)
      layer.forward_product = main_products.prepare(forward_product(l), main);
    if (l > 0 && layer.gradient_product < 0)
      layer.gradient_product = main_products.prepare(gradient_product(l), main);
    // The first layer's weight gradient ends the chain: nothing is left to run beside it.
    layer.weight_product = (l > 0 ? side_products : main_products).prepare(weight_product(l), main);
    kernels::AdamLayer entry;
    entry.weight = network_.slot(l).weight;
    entry.bias = network_.slot(l).bias;
    entry.in = layer.in;
    entry.out = layer.out;
    entry.bias_partials = layer.bias_partials.data();
    entry.row_blocks = layer.bias_row_blocks;
    entry.weight_copy = network_.copy(l);
    entry.copy_stride = network_.weight_stride(l);
    table.push_back(entry);
  }
  upload(adam_layers_.data(), table.data(), adam_layers_.size(), main);
  kernels::check(cudaStreamSynchronize(main), "prepare the step");
}

template <typename Element>
void TrainingStep<Element>::fork(cudaStream_t main) {
  forked_.record(main);
  forked_.block(side_.get());
}

template <typename Element>
void TrainingStep<Element>::join(cudaStream_t main) {
  joined_.record(side_.get());
  joined_.block(main);
}

template <typename Element>
void TrainingStep<Element>::note_fused_output(std::size_t l, std::uint32_t* magnitude) {
  if constexpr (is_float<Element>) {
    const Layer& layer = layers_[l];
    const LayerSlot& slot = network_.slot(l);
    const auto note = [&](const float* numbers, std::int64_t rows, std::int64_t columns,
                          std::int64_t stride) {
      kernels::magnitude(magnitude, numbers, rows, columns, stride, side_.get());
    };
    note(layer.output.data(), batch_, layer.out, layer.stride);
    // A ReLU that is max(x, 0) makes 0 of NaN, so the numbers that NaN comes from are looked at as
    // well: weights and bias, which lie one behind the other, and pixels that may be anything.
    note(network_.parameters() + slot.weight, 1, slot.in * slot.out + slot.out, 0);
    if (l == 0 && images_.type == PixelType::f32)
      note(input_.data(), batch_, layer.in, input_stride(0));
  }
}

template <typename Element>
void TrainingStep<Element>::forward(const StepPlace& place, const StepImages& images,
                                    cudaStream_t main) {
  const NvtxRange range("forward");
  kernels::GatherArgs gather;
  gather.pixels = images.pixels;
  gather.type = images_.type;
  gather.images = images_.count;
  gather.width = images_.width();
  gather.seed = seed_;
  gather.batch = batch_;
  gather.first_step = place.first_step;
  gather.offset = place.offset;
  gather.in_order = images.in_order;
  gather.stride = input_stride(0);
  kernels::gather(input_.data(), gather, main);
  for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
    Layer& layer = layers_[l];
    main_products_->run(layer.forward_product, main);
    std::uint32_t* const magnitude = output_magnitude(place, l);
    if constexpr (is_float<Element>) {
      if (layer.fused) {
        fork(main);
        note_fused_output(l, magnitude);
        continue;
      }
      kernels::bias_activation(layer.output.data(), layer.slopes.data(), network_.bias(l),
                               magnitude, layer.activation, batch_, layer.out, layer.stride, main);
    } else {
      kernels::bias_activation(layer.output.data(), scratch_.data(), layer.slopes.data(),
                               network_.bias(l), magnitude, layer.activation, batch_, layer.out,
                               layer.stride, main);
    }
  }
  main_products_->run(layers_.back().forward_product, main);
}

template <typename Element>
void TrainingStep<Element>::loss(const StepPlace& place, cudaStream_t main) {
  const NvtxRange range("loss");
  const std::size_t last = layers_.size() - 1;
  Layer& layer = layers_[last];
  kernels::LossArgs args;
  args.z = product_target(layer.gradient);
  args.bias = network_.bias(last);
  args.target = input_.data();
  args.rows = batch_;
  args.columns = layer.out;
  args.z_stride = layer.stride;
  args.stride = layer.stride;
  args.scale =
      static_cast<float>(2.0 / (static_cast<double>(batch_) * static_cast<double>(layer.out)));
  args.activation = layer.activation;
  args.bias_partials = layer.bias_partials.data();
  args.loss_partials = loss_partials_.data();
  args.output_magnitude = output_magnitude(place, last);
  args.gradient_magnitude = gradient_magnitude(place, last);
  kernels::loss(layer.gradient.data(), args, main);
}

template <typename Element>
void TrainingStep<Element>::layer_backward(std::size_t below, const StepPlace& place,
                                           cudaStream_t main) {
  Layer& layer = layers_[below];
  main_products_->run(layers_[below + 1].gradient_product, main);
  if constexpr (is_float<Element>) {
    if (layer.fused) {
      fork(main);
      kernels::magnitude(gradient_magnitude(place, below), layer.gradient.data(), batch_, layer.out,
                         layer.stride, side_.get());
      return;
    }
  }
  kernels::BackwardArgs args;
  args.da = product_target(layer.gradient);
  args.kept = layer.slopes.size() > 0 ? static_cast<const void*>(layer.slopes.data())
                                      : static_cast<const void*>(layer.output.data());
  args.rows = batch_;
  args.columns = layer.out;
  args.da_stride = layer.stride;
  args.stride = layer.stride;
  args.activation = layer.activation;
  args.bias_partials = layer.bias_partials.data();
  args.magnitude = gradient_magnitude(place, below);
  kernels::activation_backward(layer.gradient.data(), args, main);
}

template <typename Element>
void TrainingStep<Element>::backward(const StepPlace& place, cudaStream_t main) {
  const NvtxRange range("backward");
  fork(main);
  kernels::sum_partials(place.loss_sum, loss_partials_.data(), loss_partials_.size(), side_.get());
  for (std::size_t l = layers_.size(); l-- > 1;) {
    side_products_->run(layers_[l].weight_product, side_.get());
    layer_backward(l - 1, place, main);
    if (l > 1) fork(main);
  }
  main_products_->run(layers_[0].weight_product, main);
  join(main);
}

template <typename Element>
void TrainingStep<Element>::update(const StepPlace& place, cudaStream_t main) {
  const NvtxRange range("update");
  kernels::AdamArgs args;
  args.parameters = network_.parameters();
  args.first_moment = network_.first_moment();
  args.second_moment = network_.second_moment();
  args.weight_gradients = network_.gradients();
  args.layers = adam_layers_.data();
  args.layer_count = static_cast<int>(layers_.size());
  args.count = network_.parameter_count();
  args.schedule = place.schedule;
  args.offset = place.offset;
  args.magnitudes = place.magnitudes;
  args.batch = batch_;
  args.nonfinite_layer = place.nonfinite_layer;
  args.skipped = network_.skipped_steps();
  kernels::adam(args, main);
}

template <typename Element>
void TrainingStep<Element>::enqueue(const StepPlace& place, const StepImages& images,
                                    cudaStream_t main) {
  const NvtxRange range("step");
  forward(place, images, main);
  loss(place, main);
  backward(place, main);
  update(place, main);
}

template <typename Element>
void TrainingStep<Element>::enqueue_loss(const StepPlace& place, const StepImages& images,
                                         cudaStream_t main) {
  forward(place, images, main);
  loss(place, main);
  kernels::sum_partials(place.loss_sum, loss_partials_.data(), loss_partials_.size(), main);
  join(main);
}

template class TrainingStep<float>;
template class TrainingStep<kernels::Bf16>;

}  // namespace hourglass::cuda
