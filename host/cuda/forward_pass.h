// Evaluation, encode and decode: forward only, a block of rows at a time, the host filling one
// block while the device works on another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "cuda/device_network.h"
#include "cuda/event.h"
#include "cuda/gemm.h"
#include "cuda/memory_budget.h"
#include "cuda/pinned_buffer.h"
#include "cuda/stream.h"
#include "hourglass/engine.h"

namespace hourglass::cuda {

template <typename Element>
class ForwardPass {
 public:
  /// `rows` at a time, fewer where the network is very wide.
  ForwardPass(std::int64_t rows, DeviceNetwork<Element>& network, MemoryBudget& budget);

  /// After the budget was taken: settles the products of whole blocks.
  void prepare(Gemm& products, const Stream& stream);

  /// As Engine's functions of the same names; both wait.
  [[nodiscard]] Evaluation evaluate(const Images& images, const Stream& stream);
  void forward(Part part, const float* input, std::int64_t rows, float* output,
               const Stream& stream);

 private:
  struct Products {
    int number = -1;       // into the layer's output
    int last_number = -1;  // into `result_`, when the layer is the last one that runs
  };
  using LayerProducts = std::vector<Products>;
  struct Block {
    PinnedBuffer<std::byte> input;
    PinnedBuffer<float> output;     // (rows, width of the last layer run), tight
    PinnedBuffer<double> row_sums;  // (rows, 2)
    Event done;
    std::int64_t first = 0;
    std::int64_t count = 0;  // rows under way; 0: none
    const LayerProducts* products = nullptr;
  };

  /// Cuts [0, rows) into blocks: `enqueue(block)` fills a block's input and puts its work in,
  /// `read(block)` gets it when that is done. Blocks are read in order.
  template <typename Enqueue, typename Read>
  void in_blocks(std::int64_t rows, const Stream& stream, Enqueue&& enqueue, Read&& read);
  /// Rows of the block's input onto the device and into `to` (rows, width).
  template <typename To>
  void load(Block& block, PixelType type, std::int64_t width, To* to, std::int64_t stride,
            const Stream& stream);
  void send(Block& block, std::int64_t bytes, const Stream& stream);
  /// Products for so many rows, or a few more; settles them when they are first asked for, which
  /// overwrites what layers have left on the device.
  [[nodiscard]] const LayerProducts& products_for(std::int64_t count, const Stream& stream);
  /// Layer `l` of a block; into `result_` in single precision if it is the last one that runs.
  void run_layer(std::size_t l, bool last, const Block& block, const Stream& stream);
  void read_ranges(Evaluation& evaluation, const Stream& stream);
  void start_ranges(const Stream& stream);

  [[nodiscard]] Element* input_of(std::size_t layer) {
    return layer == 0 ? input_.data() : outputs_[(layer - 1) % 2].data();
  }
  [[nodiscard]] std::int64_t width(std::size_t layer) const { return network_.slot(layer).out; }

  DeviceNetwork<Element>& network_;
  std::int64_t rows_;
  Gemm* products_ = nullptr;
  std::size_t layers_;
  std::map<std::int64_t, LayerProducts> products_by_rows_;
  std::int64_t units_ = 0;  // of all layers
  DeviceBuffer<std::byte> pixels_;
  DeviceBuffer<float> target_;  // images in single precision, where `input_` is bf16
  DeviceBuffer<Element> input_;
  std::array<DeviceBuffer<Element>, 2> outputs_;
  DeviceBuffer<float> result_;  // of products, and of the last layer
  DeviceBuffer<double> row_sums_;
  DeviceBuffer<std::uint32_t> magnitude_;  // that kernels want to report; not read
  DeviceBuffer<float> unit_low_;           // (units of all layers)
  DeviceBuffer<float> unit_high_;
  std::array<Block, 2> blocks_;
};

}  // namespace hourglass::cuda
