#include "cuda/forward_pass.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cuda/nvtx.h"
#include "kernels/bias_activation.h"
#include "kernels/gather.h"
#include "kernels/metrics.h"

namespace hourglass::cuda {
namespace {

constexpr std::int64_t most_elements = std::int64_t{1} << 24;  // of one matrix
constexpr std::int64_t least_rows = 64;  // of a product: fewer fill no tile of a library's kernel

std::int64_t widest(const NetworkSpec& spec) { return *std::ranges::max_element(spec.widths); }

}  // namespace

template <typename Element>
ForwardPass<Element>::ForwardPass(std::int64_t rows, DeviceNetwork<Element>& network,
                                  MemoryBudget& budget)
    : network_(network),
      rows_(std::clamp<std::int64_t>(most_elements / widest(network.spec()), 1, rows)),
      layers_(network.layers()) {
  const NetworkSpec& spec = network.spec();
  const std::int64_t input = spec.input_width();
  const std::int64_t stride = row_stride<Element>(widest(spec));
  for (std::size_t l = 0; l < layers_; ++l) units_ += width(l);
  const std::int64_t floats = static_cast<std::int64_t>(sizeof(float));
  budget.add(pixels_, "images to evaluate", rows_ * std::max(input, spec.code_width()) * floats);
  budget.add(input_, "the input in evaluation", rows_ * row_stride<Element>(input));
  if constexpr (!std::is_same_v<Element, float>)
    budget.add(target_, "the target in evaluation", rows_ * row_stride<float>(input));
  for (auto& output : outputs_) budget.add(output, "outputs in evaluation", rows_ * stride);
  budget.add(result_, "results in evaluation", rows_ * stride);
  budget.add(row_sums_, "errors of images", rows_ * 2);
  budget.add(magnitude_, "a magnitude", 1);
  budget.add(unit_low_, "least outputs of units", units_);
  budget.add(unit_high_, "largest outputs of units", units_);
}

template <typename Element>
void ForwardPass<Element>::prepare(Gemm& products, const Stream& stream) {
  products_ = &products;
  static_cast<void>(products_for(rows_, stream));
  const NetworkSpec& spec = network_.spec();
  const std::int64_t widest_output = std::max(spec.output_width(), spec.code_width());
  for (Block& block : blocks_) {
    block.input = PinnedBuffer<std::byte>("images to evaluate", pixels_.size());
    block.output = PinnedBuffer<float>("outputs", rows_ * widest_output);
    block.row_sums = PinnedBuffer<double>("errors of images", rows_ * 2);
  }
}

template <typename Element>
const typename ForwardPass<Element>::LayerProducts& ForwardPass<Element>::products_for(
    std::int64_t count, const Stream& stream) {
  // Every number of rows is a product of its own, with an algorithm to settle: few numbers.
  const auto rounded = std::bit_ceil(static_cast<std::uint64_t>(std::max(count, least_rows)));
  const std::int64_t rows = std::min(static_cast<std::int64_t>(rounded), rows_);
  const auto [place, is_new] = products_by_rows_.try_emplace(rows, layers_);
  LayerProducts& products = place->second;
  for (std::size_t l = 0; is_new && l < layers_; ++l) {
    const LayerSlot& slot = network_.slot(l);
    Product product;
    product.rows = rows;
    product.columns = slot.out;
    product.depth = slot.in;
    product.a = input_of(l);
    product.a_stride = row_stride<Element>(slot.in);
    product.b = network_.weight(l);
    product.b_stride = network_.weight_stride(l);
    product.b_transposed = true;
    product.c_stride = row_stride<Element>(slot.out);
    product.c = result_.data();
    const bool may_be_last = static_cast<int>(l) + 1 == network_.spec().encoder_layers() ||
                             l + 1 == layers_ || !std::is_same_v<Element, float>;
    if (may_be_last) products[l].last_number = products_->prepare(product, stream.get());
    if constexpr (std::is_same_v<Element, float>) {
      product.c = outputs_[l % 2].data();
      if (l + 1 < layers_) products[l].number = products_->prepare(product, stream.get());
    } else {
      products[l].number = products[l].last_number;
    }
  }
  return products;
}

template <typename Element>
template <typename Enqueue, typename Read>
void ForwardPass<Element>::in_blocks(std::int64_t rows, const Stream& stream, Enqueue&& enqueue,
                                     Read&& read) {
  const auto finish = [&](Block& block) {
    if (block.count == 0) return;
    block.done.synchronize();
    read(block);
    block.count = 0;
  };
  std::size_t turn = 0;
  for (std::int64_t first = 0; first < rows; first += rows_, turn ^= 1) {
    Block& block = blocks_[turn];
    finish(block);
    block.first = first;
    block.count = std::min(rows_, rows - first);
    block.products = &products_for(block.count, stream);
    enqueue(block);
    block.done.record(stream.get());
  }
  for (std::size_t i = 0; i < blocks_.size(); ++i, turn ^= 1) finish(blocks_[turn]);
}

template <typename Element>
void ForwardPass<Element>::send(Block& block, std::int64_t bytes, const Stream& stream) {
  const NvtxRange range("copy");
  upload(pixels_.data(), block.input.data(), bytes, stream.get());
}

template <typename Element>
template <typename To>
void ForwardPass<Element>::load(Block& block, PixelType type, std::int64_t width, To* to,
                                std::int64_t stride, const Stream& stream) {
  kernels::GatherArgs gather;
  gather.pixels = pixels_.data();
  gather.type = type;
  gather.images = block.count;
  gather.width = width;
  gather.batch = block.count;
  gather.in_order = true;
  gather.stride = stride;
  kernels::gather(to, gather, stream.get());
}

template <typename Element>
void ForwardPass<Element>::run_layer(std::size_t l, bool last, const Block& block,
                                     const Stream& stream) {
  const Activation activation = network_.spec().activations[l];
  const std::int64_t stride = row_stride<Element>(width(l));
  const Products& numbers = (*block.products)[l];
  products_->run(last ? numbers.last_number : numbers.number, stream.get());
  if (last) {
    kernels::bias_activation(result_.data(), nullptr, network_.bias(l), magnitude_.data(),
                             activation, block.count, width(l), stride, stream.get());
    return;
  }
  Element* const output = outputs_[l % 2].data();
  if constexpr (std::is_same_v<Element, float>)
    kernels::bias_activation(output, nullptr, network_.bias(l), magnitude_.data(), activation,
                             block.count, width(l), stride, stream.get());
  else
    kernels::bias_activation(output, result_.data(), nullptr, network_.bias(l), magnitude_.data(),
                             activation, block.count, width(l), stride, stream.get());
}

template <typename Element>
void ForwardPass<Element>::start_ranges(const Stream& stream) {
  const auto fill = [&](DeviceBuffer<float>& buffer, float value) {
    const std::vector<float> values(static_cast<std::size_t>(units_), value);
    upload(buffer.data(), values.data(), units_, stream.get());
    stream.synchronize();
  };
  fill(unit_low_, std::numeric_limits<float>::infinity());
  fill(unit_high_, -std::numeric_limits<float>::infinity());
}

template <typename Element>
void ForwardPass<Element>::read_ranges(Evaluation& evaluation, const Stream& stream) {
  const auto get = [&](std::vector<std::vector<float>>& to, const DeviceBuffer<float>& from) {
    std::int64_t place = 0;
    for (std::size_t l = 0; l < layers_; ++l) {
      to.emplace_back(static_cast<std::size_t>(width(l)));
      download(to.back().data(), from.data() + place, width(l), stream.get());
      place += width(l);
    }
  };
  get(evaluation.unit_min, unit_low_);
  get(evaluation.unit_max, unit_high_);
  stream.synchronize();
}

template <typename Element>
Evaluation ForwardPass<Element>::evaluate(const Images& images, const Stream& stream) {
  const NvtxRange range("evaluate");
  const std::int64_t input = images.width();
  const std::size_t last = layers_ - 1;
  Evaluation result;
  result.images = images.count;
  start_ranges(stream);
  const auto enqueue = [&](Block& block) {
    const std::int64_t bytes = block.count * images.row_bytes();
    std::memcpy(block.input.data(), images.row(block.first), static_cast<std::size_t>(bytes));
    send(block, bytes, stream);
    load(block, images.type, input, input_.data(), row_stride<Element>(input), stream);
    const float* target = nullptr;
    std::int64_t target_stride = row_stride<Element>(input);
    if constexpr (std::is_same_v<Element, float>) {
      target = input_.data();
    } else {
      target = target_.data();
      target_stride = row_stride<float>(input);
      load(block, images.type, input, target_.data(), target_stride, stream);
    }
    std::int64_t place = 0;
    for (std::size_t l = 0; l <= last; ++l) {
      run_layer(l, l == last, block, stream);
      const std::int64_t stride = row_stride<Element>(width(l));
      float* const low = unit_low_.data() + place;
      float* const high = unit_high_.data() + place;
      if (l == last)
        kernels::unit_range(low, high, result_.data(), block.count, width(l), stride, stream.get());
      else
        kernels::unit_range(low, high, outputs_[l % 2].data(), block.count, width(l), stride,
                            stream.get());
      place += width(l);
    }
    kernels::squared_errors(row_sums_.data(), result_.data(), row_stride<Element>(input), target,
                            target_stride, block.count, input, stream.get());
    download(block.row_sums.data(), row_sums_.data(), 2 * block.count, stream.get());
  };
  const auto read = [&](Block& block) {
    const double* sums = block.row_sums.data();
    for (std::int64_t row = 0; row < block.count; ++row) {
      result.se_sum += sums[2 * row];
      result.se_clipped_sum += sums[2 * row + 1];
    }
  };
  in_blocks(images.count, stream, enqueue, read);
  read_ranges(result, stream);
  return result;
}

template <typename Element>
void ForwardPass<Element>::forward(Part part, const float* input, std::int64_t rows, float* output,
                                   const Stream& stream) {
  const NvtxRange range("forward");
  const NetworkSpec& spec = network_.spec();
  const auto code = static_cast<std::size_t>(spec.encoder_layers());
  const std::size_t begin = part == Part::decoder ? code : 0;
  const std::size_t end = part == Part::encoder ? code : layers_;
  const std::int64_t in = network_.slot(begin).in;
  const std::int64_t out = width(end - 1);
  const auto out_bytes = static_cast<std::size_t>(out) * sizeof(float);
  const auto enqueue = [&](Block& block) {
    const std::int64_t bytes = block.count * in * static_cast<std::int64_t>(sizeof(float));
    std::memcpy(block.input.data(), input + block.first * in, static_cast<std::size_t>(bytes));
    send(block, bytes, stream);
    load(block, PixelType::f32, in, input_of(begin), row_stride<Element>(in), stream);
    for (std::size_t l = begin; l < end; ++l) run_layer(l, l + 1 == end, block, stream);
    kernels::check(
        cudaMemcpy2DAsync(block.output.data(), out_bytes, result_.data(),
                          static_cast<std::size_t>(row_stride<Element>(out)) * sizeof(float),
                          out_bytes, static_cast<std::size_t>(block.count), cudaMemcpyDeviceToHost,
                          stream.get()),
        "copy outputs from the device");
  };
  const auto read = [&](Block& block) {
    std::memcpy(output + block.first * out, block.output.data(),
                static_cast<std::size_t>(block.count) * out_bytes);
  };
  in_blocks(rows, stream, enqueue, read);
}

template class ForwardPass<float>;
template class ForwardPass<kernels::Bf16>;

}  // namespace hourglass::cuda
