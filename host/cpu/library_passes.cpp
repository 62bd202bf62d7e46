#include "cpu/library_passes.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cpu/layer.h"
#include "cpu/thread_pool.h"
#include "onednn/product.h"

namespace hourglass::cpu {
namespace {

// Rows of a weight gradient that are one item of the weight pass. Whole vectors of every width, so
// that column sums end inside a row.
constexpr std::int64_t library_item_rows = 96;

/// One product, which emulates bf16 operands where the CPU has no such instructions.
class OperandProduct {
 public:
  OperandProduct(onednn::ProductShape shape, Precision precision)
      : shape_(shape), emulated_(precision == Precision::bf16 && !onednn::has_bf16()) {
    shape_.operand =
        precision == Precision::bf16 && !emulated_ ? onednn::Operand::bf16 : onednn::Operand::f32;
    onednn::set_threads(1);  // for the primitive's own plan, too
    product_ = std::make_unique<onednn::Product>(shape_);
    if (!emulated_) return;
    wide_a_.resize(static_cast<std::size_t>(a_lines() * shape_.a_stride));
    wide_b_.resize(static_cast<std::size_t>(b_lines() * shape_.b_stride));
  }

  void run(const void* a, const void* b, float* c) {
    onednn::set_threads(1);  // the pool's threads share the work, not oneDNN's
    if (!emulated_) return product_->run(a, b, c);
    from_bf16(static_cast<const Bf16*>(a), elements(a_lines(), a_width(), shape_.a_stride),
              wide_a_.data());
    from_bf16(static_cast<const Bf16*>(b), elements(b_lines(), b_width(), shape_.b_stride),
              wide_b_.data());
    product_->run(wide_a_.data(), wide_b_.data(), c);
  }

 private:
  [[nodiscard]] std::int64_t a_lines() const {
    return shape_.a_transposed ? shape_.depth : shape_.rows;
  }
  [[nodiscard]] std::int64_t a_width() const {
    return shape_.a_transposed ? shape_.rows : shape_.depth;
  }
  [[nodiscard]] std::int64_t b_lines() const {
    return shape_.b_transposed ? shape_.columns : shape_.depth;
  }
  [[nodiscard]] std::int64_t b_width() const {
    return shape_.b_transposed ? shape_.depth : shape_.columns;
  }
  /// Elements from the first to the last of a matrix: the last line ends without its padding.
  static std::int64_t elements(std::int64_t lines, std::int64_t width, std::int64_t stride) {
    return (lines - 1) * stride + width;
  }

  onednn::ProductShape shape_;
  bool emulated_;
  std::unique_ptr<onednn::Product> product_;
  std::vector<float> wide_a_;
  std::vector<float> wide_b_;
};

}  // namespace

void to_bf16(const float* source, std::int64_t count, Bf16* target) {
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(source[i]);
    const std::uint32_t rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    target[i] = static_cast<Bf16>(is_nan ? (bits >> 16) | 0x40U : rounded >> 16);
  }
}

void from_bf16(const Bf16* source, std::int64_t count, float* target) {
  for (std::int64_t i = 0; i < count; ++i)
    target[i] = std::bit_cast<float>(static_cast<std::uint32_t>(source[i]) << 16);
}

class LibraryPasses::Products {
 public:
  Products(const std::vector<LayerSlot>& slots, BatchBuffers& buffers, bool training,
           Precision precision) {
    for (std::int64_t chunk = 0; chunk < buffers.chunks(); ++chunk) {
      const std::int64_t rows =
          std::min(buffers.chunk_rows(), buffers.rows() - chunk * buffers.chunk_rows());
      for (std::size_t l = 0; l < slots.size(); ++l) {
        const int layer = static_cast<int>(l);
        const std::int64_t in_stride = buffers.stride(layer);
        const std::int64_t out_stride = buffers.stride(layer + 1);
        forward_.emplace_back(onednn::ProductShape{rows, slots[l].in, slots[l].out, false, true,
                                                   in_stride, slots[l].in, out_stride},
                              precision);
        if (training)
          backward_.emplace_back(onednn::ProductShape{rows, slots[l].out, slots[l].in, false, false,
                                                      out_stride, slots[l].in, in_stride},
                                 precision);
      }
    }
    layers_ = slots.size();
    if (!training) return;
    for (std::size_t l = 0; l < slots.size(); ++l) {
      const int layer = static_cast<int>(l);
      for (std::int64_t first = 0; first < slots[l].out; first += library_item_rows) {
        const std::int64_t rows = std::min(library_item_rows, slots[l].out - first);
        items.push_back(
            {l, first, rows,
             OperandProduct({rows, buffers.rows(), slots[l].in, true, false,
                             buffers.stride(layer + 1), buffers.stride(layer), slots[l].in},
                            precision)});
      }
    }
  }

  OperandProduct& forward(std::int64_t chunk, int l) {
    return forward_[static_cast<std::size_t>(chunk) * layers_ + static_cast<std::size_t>(l)];
  }
  OperandProduct& backward(std::int64_t chunk, int l) {
    return backward_[static_cast<std::size_t>(chunk) * layers_ + static_cast<std::size_t>(l)];
  }

  struct Item {
    std::size_t layer;
    std::int64_t first_row;
    std::int64_t rows;
    OperandProduct product;
  };
  std::vector<Item> items;  // of the weight pass

 private:
  std::size_t layers_ = 0;
  std::vector<OperandProduct> forward_;   // [chunk][layer]
  std::vector<OperandProduct> backward_;  // [chunk][layer]
};

LibraryPasses::Buffers::Buffers(const NetworkSpec& network, const Kernels& kernels,
                                std::int64_t rows, bool training, Precision precision)
    : BatchBuffers(network, kernels, rows, training) {
  if (precision == Precision::bf16) {
    for (int l = 0; l <= network.layers(); ++l) {
      const auto size = static_cast<std::size_t>(rows * stride(l));
      activations_.emplace_back(size);
      if (training && l > 0) gradients_.emplace_back(size);
    }
  }
  products_ = std::make_unique<Products>(parameter_layout(network), *this, training, precision);
}
LibraryPasses::Buffers::Buffers(Buffers&&) noexcept = default;
LibraryPasses::Buffers& LibraryPasses::Buffers::operator=(Buffers&&) noexcept = default;
LibraryPasses::Buffers::~Buffers() = default;

const void* LibraryPasses::Buffers::activation_operand(int l, std::int64_t row) {
  if (activations_.empty()) return activation(l, row);
  return activations_[static_cast<std::size_t>(l)].data() + row * stride(l);
}
const void* LibraryPasses::Buffers::gradient_operand(int l, std::int64_t row) {
  if (gradients_.empty()) return gradient(l, row);
  return gradients_[static_cast<std::size_t>(l)].data() + row * stride(l + 1);
}
void LibraryPasses::Buffers::round_activation(int l, const Rows& rows) {
  if (activations_.empty()) return;
  to_bf16(activation(l, rows.first), (rows.last - rows.first) * stride(l),
          activations_[static_cast<std::size_t>(l)].data() + rows.first * stride(l));
}
void LibraryPasses::Buffers::round_gradient(int l, const Rows& rows) {
  if (gradients_.empty()) return;
  to_bf16(gradient(l, rows.first), (rows.last - rows.first) * stride(l + 1),
          gradients_[static_cast<std::size_t>(l)].data() + rows.first * stride(l + 1));
}

LibraryPasses::LibraryPasses(const NetworkSpec& network, const Kernels& kernels,
                             Precision precision, int threads)
    : network_(network),
      slots_(parameter_layout(network)),
      kernels_(kernels),
      precision_(precision) {
  std::int64_t largest = 0;
  for (const LayerSlot& slot : slots_) {
    largest = std::max({largest, library_item_rows * slot.in, row_stride(slot.out)});
    biases_.emplace_back(static_cast<std::size_t>(row_stride(slot.out)));
    if (precision == Precision::bf16)
      weight_copies_.emplace_back(static_cast<std::size_t>(slot.in * slot.out));
  }
  for (int worker = 0; worker < threads; ++worker)
    scratch_.emplace_back(static_cast<std::size_t>(largest));
}
LibraryPasses::~LibraryPasses() = default;

const void* LibraryPasses::weight_operand(std::size_t l, std::int64_t first_row) const {
  const std::int64_t offset = first_row * slots_[l].in;
  if (weight_copies_.empty()) return state_.parameters.data() + slots_[l].weight + offset;
  return weight_copies_[l].data() + offset;
}

void LibraryPasses::read_state(const TrainingState& state, ThreadPool& pool) {
  state_ = state;
  pool.run(static_cast<std::int64_t>(slots_.size()), [&](std::int64_t index, int) {
    const auto l = static_cast<std::size_t>(index);
    std::copy_n(state_.parameters.begin() + slots_[l].bias, slots_[l].out, biases_[l].data());
    if (!weight_copies_.empty())
      to_bf16(state_.parameters.data() + slots_[l].weight, slots_[l].in * slots_[l].out,
              weight_copies_[l].data());
  });
}

void LibraryPasses::write_state(TrainingState& state, ThreadPool&) const {
  state.parameters = state_.parameters;
  state.first_moment = state_.first_moment;
  state.second_moment = state_.second_moment;
}

void LibraryPasses::prepare_input(Buffers& buffers, const Rows& rows, int layer, bool) const {
  buffers.round_activation(layer, rows);
}

void LibraryPasses::forward(Buffers& buffers, const Rows& rows, int begin, int end) const {
  for (int l = begin; l < end; ++l) {
    const auto index = static_cast<std::size_t>(l);
    std::uint32_t magnitude = 0;
    ActivateArgs args;
    args.z = buffers.activation(l + 1, rows.first);
    args.stride = buffers.stride(l + 1);
    args.rows = rows.last - rows.first;
    args.columns = slots_[index].out;
    args.bias = biases_[index].data();
    args.slope = buffers.slope(l, rows.first);
    args.magnitude = &magnitude;
    buffers.products()
        .forward(rows.chunk, l)
        .run(buffers.activation_operand(l, rows.first), weight_operand(index), args.z);
    kernels_.activate[index_of(network_.activations[index])](args);
    buffers.round_activation(l + 1, rows);
    buffers.magnitudes(rows.chunk).output[index] = magnitude;
  }
}

void LibraryPasses::output_and_loss(Buffers& buffers, const Rows& rows, float scale) const {
  const int l = network_.layers() - 1;
  std::fill_n(buffers.row_loss(rows.first), (rows.last - rows.first) * buffers.lanes(), 0.0F);
  Magnitudes& magnitudes = buffers.magnitudes(rows.chunk);
  magnitudes.output.back() = magnitudes.gradient.back() = 0;
  LossArgs args;
  args.z = buffers.gradient(l, rows.first);
  args.stride = buffers.stride(l + 1);
  args.rows = rows.last - rows.first;
  args.columns = slots_.back().out;
  args.bias = biases_.back().data();
  args.target = buffers.activation(0, rows.first);
  args.target_stride = buffers.stride(0);
  args.scale = scale;
  args.row_loss = buffers.row_loss(rows.first);
  args.output_magnitude = &magnitudes.output.back();
  args.gradient_magnitude = &magnitudes.gradient.back();
  buffers.products()
      .forward(rows.chunk, l)
      .run(buffers.activation_operand(l, rows.first), weight_operand(slots_.size() - 1), args.z);
  kernels_.loss[index_of(network_.activations.back())](args);
  buffers.round_gradient(l, rows);
}

void LibraryPasses::backward(Buffers& buffers, const Rows& rows) const {
  for (int l = network_.layers() - 1; l > 0; --l) {
    const auto index = static_cast<std::size_t>(l);
    std::uint32_t magnitude = 0;
    BackwardArgs args;
    args.da = buffers.gradient(l - 1, rows.first);
    args.stride = buffers.stride(l);
    args.rows = rows.last - rows.first;
    args.columns = slots_[index].in;
    const float* slope = buffers.slope(l - 1, rows.first);
    args.kept = slope != nullptr ? slope : buffers.activation(l, rows.first);
    args.kept_stride = buffers.stride(l);
    args.magnitude = &magnitude;
    buffers.products()
        .backward(rows.chunk, l)
        .run(buffers.gradient_operand(l, rows.first), weight_operand(index), args.da);
    kernels_.backward[index_of(network_.activations[index - 1])](args);
    buffers.round_gradient(l - 1, rows);
    buffers.magnitudes(rows.chunk).gradient[index - 1] = magnitude;
  }
}

void LibraryPasses::prepare_weights(std::int64_t, int) {
  weight_items_ = 0;
  for (const LayerSlot& slot : slots_)
    weight_items_ += (slot.out + library_item_rows - 1) / library_item_rows;
}

void LibraryPasses::update_weights(std::int64_t number, int worker, Buffers& buffers,
                                   const AdamStep& scalars) {
  Products::Item& item = buffers.products().items[static_cast<std::size_t>(number)];
  const std::size_t l = item.layer;
  const LayerSlot& slot = slots_[l];
  float* const gradient = scratch_[static_cast<std::size_t>(worker)].data();
  const std::int64_t operand_bytes = weight_copies_.empty() ? sizeof(float) : sizeof(Bf16);
  const auto* gradients =
      static_cast<const std::byte*>(buffers.gradient_operand(static_cast<int>(l), 0));
  const auto adam = [&](std::int64_t offset, std::int64_t count) {
    kernels_.adam({state_.parameters.data() + offset, state_.first_moment.data() + offset,
                   state_.second_moment.data() + offset, gradient, count, scalars});
  };
  item.product.run(gradients + item.first_row * operand_bytes,
                   buffers.activation_operand(static_cast<int>(l), 0), gradient);
  const std::int64_t offset = slot.weight + item.first_row * slot.in;
  adam(offset, item.rows * slot.in);
  if (!weight_copies_.empty())
    to_bf16(state_.parameters.data() + offset, item.rows * slot.in,
            weight_copies_[l].data() + item.first_row * slot.in);

  ColumnSumArgs sum;
  sum.z = buffers.gradient(static_cast<int>(l)) + item.first_row;
  sum.stride = buffers.stride(static_cast<int>(l) + 1);
  sum.rows = buffers.rows();
  sum.columns = item.rows;
  sum.sums = gradient;
  kernels_.column_sum(sum);
  adam(slot.bias + item.first_row, item.rows);
  std::copy_n(state_.parameters.begin() + slot.bias + item.first_row, item.rows,
              biases_[l].data() + item.first_row);
}

}  // namespace hourglass::cpu
