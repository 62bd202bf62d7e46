#include "bench_cpu.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/batch_buffers.h"
#include "cpu/kernels.h"
#include "cpu/layer.h"
#include "cpu/thread_pool.h"
#include "onednn/product.h"
#include "product_shapes.h"

namespace hourglass::tools {
namespace {

/// Buffers of one product by the engine's kernels: A as the engine has it, B in panels.
class OwnProduct {
 public:
  OwnProduct(const ProductShape& shape, const cpu::Kernels& kernels)
      : shape_(shape), kernels_(kernels) {
    const bool weights = shape.kind == ProductShape::Kind::weights;
    panels_ = (shape.columns + kernels.panel_width - 1) / kernels.panel_width;
    a_stride_ = cpu::row_stride(weights ? shape.rows : shape.depth);
    c_stride_ = cpu::row_stride(panels_ * kernels.panel_width);
    a_ = filled((weights ? shape.depth : shape.rows) * a_stride_);
    b_ = filled(panels_ * shape.depth * kernels.panel_width);
    c_ = filled(shape.rows * c_stride_);
  }

  [[nodiscard]] std::int64_t panels() const { return panels_; }
  [[nodiscard]] const ProductShape& shape() const { return shape_; }

  /// Rows [first, last) of panel `panel`; weight gradients in blocks of images, as the engine does.
  void run(std::int64_t panel, std::int64_t first, std::int64_t last) {
    const bool weights = shape_.kind == ProductShape::Kind::weights;
    const std::int64_t block = weights ? 256 : shape_.depth;
    for (std::int64_t k = 0; k < shape_.depth; k += block) {
      cpu::ProductArgs args;
      args.a = a_.data() + (weights ? k * a_stride_ + first : first * a_stride_);
      args.a_stride = a_stride_;
      args.k_contiguous = !weights;
      args.rows = last - first;
      args.depth = std::min(block, shape_.depth - k);
      args.columns = std::min<std::int64_t>(kernels_.panel_width,
                                            shape_.columns - panel * kernels_.panel_width);
      args.panel = b_.data() + (panel * shape_.depth + k) * kernels_.panel_width;
      args.c = c_.data() + first * c_stride_ + panel * kernels_.panel_width;
      args.c_stride = c_stride_;
      args.accumulate = k > 0;
      kernels_.product(args);
    }
  }

 private:
  static cpu::AlignedBuffer<float> filled(std::int64_t count) {
    cpu::AlignedBuffer<float> buffer(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < buffer.size(); ++i)
      buffer[i] = static_cast<float>(i % 13) * 0.05F - 0.3F;
    return buffer;
  }

  ProductShape shape_;
  const cpu::Kernels& kernels_;
  std::int64_t panels_ = 0, a_stride_ = 0, c_stride_ = 0;
  cpu::AlignedBuffer<float> a_, b_, c_;
};

}  // namespace

Candidate multiply_add_floor(const NetworkSpec& network, std::int64_t batch, int threads) {
  // More items than threads: a thread that wakes late, or is taken away, costs what it would cost
  // the step.
  const std::int64_t items = 8 * static_cast<std::int64_t>(threads);
  const cpu::Kernels& kernels = cpu::best_kernels();
  const double item_flop = product_flop(network, batch) / static_cast<double>(items);
  const auto rounds =
      static_cast<std::int64_t>(std::ceil(item_flop / kernels.multiply_add_rounds(1)));
  auto pool = std::make_shared<cpu::ThreadPool>(threads);
  return clocked("floor", [=, &kernels](std::int64_t repeats) {
    for (std::int64_t i = 0; i < repeats; ++i)
      pool->run(items, [&](std::int64_t, int) { kernels.multiply_add_rounds(rounds); });
  });
}

Candidate own_products(const NetworkSpec& network, std::int64_t batch, int threads) {
  struct State {
    explicit State(int count) : pool(count) {}
    cpu::ThreadPool pool;
    std::vector<OwnProduct> by_rows;  // forward and backward: chunks of rows run through all
    std::vector<OwnProduct> weight_products;
    std::vector<std::pair<std::size_t, std::int64_t>> weight_items;  // (product, first row)
  };
  auto state = std::make_shared<State>(threads);
  for (const ProductShape& shape : product_shapes(network, batch))
    (shape.kind == ProductShape::Kind::weights ? state->weight_products : state->by_rows)
        .emplace_back(shape, cpu::best_kernels());
  constexpr std::int64_t item_rows = 48;
  for (std::size_t p = 0; p < state->weight_products.size(); ++p)
    for (std::int64_t row = 0; row < state->weight_products[p].shape().rows; row += item_rows)
      state->weight_items.emplace_back(p, row);
  const std::int64_t chunk_rows = cpu::chunk_rows_of(batch);
  const std::int64_t chunks = (batch + chunk_rows - 1) / chunk_rows;
  return clocked("products", [=](std::int64_t repeats) {
    for (std::int64_t i = 0; i < repeats; ++i) {
      state->pool.run(chunks, [&](std::int64_t chunk, int) {
        const std::int64_t first = std::min(chunk * chunk_rows, batch);
        const std::int64_t last = std::min(first + chunk_rows, batch);
        for (OwnProduct& product : state->by_rows)
          for (std::int64_t panel = 0; panel < product.panels(); ++panel)
            product.run(panel, first, last);
      });
      state->pool.run(
          static_cast<std::int64_t>(state->weight_items.size()), [&](std::int64_t item, int) {
            const auto& [index, row] = state->weight_items[static_cast<std::size_t>(item)];
            OwnProduct& product = state->weight_products[index];
            const std::int64_t last = std::min(row + item_rows, product.shape().rows);
            for (std::int64_t panel = 0; panel < product.panels(); ++panel)
              product.run(panel, row, last);
          });
    }
  });
}

Candidate onednn_products(const NetworkSpec& network, std::int64_t batch, int threads) {
  struct Entry {
    onednn::Product product;
    std::vector<float> a, b, c;
  };
  auto entries = std::make_shared<std::vector<Entry>>();
  onednn::set_threads(threads);
  for (const ProductShape& shape : product_shapes(network, batch)) {
    const bool weights = shape.kind == ProductShape::Kind::weights;
    onednn::ProductShape described;
    described.rows = shape.rows;
    described.depth = shape.depth;
    described.columns = shape.columns;
    described.a_transposed = weights;
    described.b_transposed = shape.kind == ProductShape::Kind::forward;
    described.a_stride = weights ? shape.rows : shape.depth;
    described.b_stride = described.b_transposed ? shape.depth : shape.columns;
    described.c_stride = shape.columns;
    const auto filled = [](std::int64_t count) {
      return std::vector<float>(static_cast<std::size_t>(count), 0.0625F);
    };
    entries->push_back({onednn::Product(described), filled(shape.rows * shape.depth),
                        filled(shape.depth * shape.columns), filled(shape.rows * shape.columns)});
  }
  return clocked("products-onednn", [=](std::int64_t repeats) {
    onednn::set_threads(threads);
    for (std::int64_t i = 0; i < repeats; ++i)
      for (Entry& entry : *entries)
        entry.product.run(entry.a.data(), entry.b.data(), entry.c.data());
  });
}

}  // namespace hourglass::tools
