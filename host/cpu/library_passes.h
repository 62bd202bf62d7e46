// The engine's arithmetic on oneDNN's matrix products, in single precision or in bf16. In bf16,
// weights, images, activations and gradients are rounded to bf16 where a product reads them; sums,
// master weights, moments, biases and losses stay in single precision.
//
// In single precision it is the second opinion on the project's own products, and what they are
// measured against.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "cpu/aligned_buffer.h"
#include "cpu/batch_buffers.h"
#include "cpu/kernels.h"
#include "cpu/passes.h"
#include "hourglass/engine.h"

namespace hourglass::cpu {

/// A bf16 number's bits: the upper half of a float's.
using Bf16 = std::uint16_t;

/// Rounds to nearest, ties to even; NaN stays NaN.
void to_bf16(const float* source, std::int64_t count, Bf16* target);
void from_bf16(const Bf16* source, std::int64_t count, float* target);

class LibraryPasses {
 public:
  class Products;  // every product of a batch size, set up once

  class Buffers : public BatchBuffers {
   public:
    Buffers(const NetworkSpec& network, const Kernels& kernels, std::int64_t rows, bool training,
            Precision precision);
    Buffers(Buffers&&) noexcept;
    Buffers& operator=(Buffers&&) noexcept;
    ~Buffers();

    /// Operands as the products read them: bf16 copies, or the floats themselves.
    [[nodiscard]] const void* activation_operand(int l, std::int64_t row);
    [[nodiscard]] const void* gradient_operand(int l, std::int64_t row);
    /// Renews the copies of rows that have just been written; nothing in single precision.
    void round_activation(int l, const Rows& rows);
    void round_gradient(int l, const Rows& rows);
    [[nodiscard]] Products& products() { return *products_; }

   private:
    std::vector<AlignedBuffer<Bf16>> activations_;  // empty in single precision
    std::vector<AlignedBuffer<Bf16>> gradients_;
    std::unique_ptr<Products> products_;
  };

  LibraryPasses(const NetworkSpec& network, const Kernels& kernels, Precision precision,
                int threads);
  ~LibraryPasses();

  void read_state(const TrainingState& state, ThreadPool& pool);
  void write_state(TrainingState& state, ThreadPool& pool) const;
  [[nodiscard]] Buffers make_buffers(std::int64_t rows, bool training) const {
    return {network_, kernels_, rows, training, precision_};
  }
  void prepare_input(Buffers& buffers, const Rows& rows, int layer, bool training) const;
  void forward(Buffers& buffers, const Rows& rows, int begin, int end) const;
  void output_and_loss(Buffers& buffers, const Rows& rows, float scale) const;
  void backward(Buffers& buffers, const Rows& rows) const;
  void prepare_weights(std::int64_t batch, int workers);
  void prepare_update(Buffers&, ThreadPool&) {}
  [[nodiscard]] std::int64_t weight_items() const { return weight_items_; }
  void update_weights(std::int64_t item, int worker, Buffers& buffers, const AdamStep& scalars);

 private:
  [[nodiscard]] const void* weight_operand(std::size_t l, std::int64_t first_row = 0) const;

  NetworkSpec network_;
  std::vector<LayerSlot> slots_;
  const Kernels& kernels_;
  Precision precision_;
  TrainingState state_;                             // the arenas, as they are documented
  std::vector<AlignedBuffer<Bf16>> weight_copies_;  // (out, in); empty in single precision
  std::vector<AlignedBuffer<float>> biases_;        // padded copies for the kernels
  std::int64_t weight_items_ = 0;
  std::vector<AlignedBuffer<float>> scratch_;  // by worker: a weight gradient's rows
};

}  // namespace hourglass::cpu
