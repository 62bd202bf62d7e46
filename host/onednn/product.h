// Matrix products by oneDNN: the yardstick of the benchmark, a second opinion in the tests, and the
// bf16 products of CPUs that have the instructions.
#pragma once

#include <cstdint>
#include <memory>

namespace hourglass::onednn {

enum class Operand { f32, bf16 };

/// Shape of C (rows, columns) = A (rows, depth) B (depth, columns), C in single precision.
struct ProductShape {
  std::int64_t rows = 0;
  std::int64_t depth = 0;
  std::int64_t columns = 0;
  bool a_transposed = false;  // A lies as (depth, rows)
  bool b_transposed = false;  // B lies as (columns, depth)
  std::int64_t a_stride = 0;  // distance of two rows as they lie, in elements
  std::int64_t b_stride = 0;
  std::int64_t c_stride = 0;
  Operand operand = Operand::f32;
};

/// Whether this CPU multiplies bf16 numbers natively, as oneDNN sees it.
[[nodiscard]] bool has_bf16();

/// "2.6.3"
[[nodiscard]] const char* version_text();

/// Threads that products started from the calling thread use from now on.
void set_threads(int threads);

/// One product, set up once and run often. Made and run by one thread at a time.
class Product {
 public:
  /// Throws Error(internal) when oneDNN has no such product.
  explicit Product(const ProductShape& shape);
  ~Product();
  Product(Product&&) noexcept;
  Product& operator=(Product&&) noexcept;

  /// `a` and `b` hold floats or bf16 numbers as the shape says.
  void run(const void* a, const void* b, float* c);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hourglass::onednn
