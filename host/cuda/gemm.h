// Matrix products on the device. Two sources give this class; the linker chooses:
//   gemm_cublaslt.cpp   cuBLASLt, the one file that calls it
//   gemm_plain.cpp      a plain kernel, for the emulator and as a second opinion on a GPU
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cuda/cuda_engine.h"
#include "hourglass/error.h"

namespace hourglass::cuda {

/// The library has no way to compute a product.
class NoAlgorithmError : public Error {
 public:
  explicit NoAlgorithmError(const std::string& message) : Error(ExitCode::internal, message) {}
};

/// What a product does to its result before it stores it.
enum class Epilogue {
  none,
  /// c = relu(c + bias); a bit of `mask` says where the sum was above 0.
  bias_relu,
  /// c = c where the bit of `mask` is set, else 0; then bias_gradient = the column sums of c.
  mask_and_bias_gradient,
};

/// `c (rows, columns) = op(a) op(b)`, all row-major; `a` is (rows, depth), or (depth, rows) if
/// transposed; `b` is (depth, columns), or (columns, depth) if transposed. Strides are distances of
/// rows in elements. `a` and `b` are float, or bf16 in Arithmetic::bf16; c is float.
struct Product {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t depth = 0;
  bool a_transposed = false;
  bool b_transposed = false;
  const void* a = nullptr;
  const void* b = nullptr;
  float* c = nullptr;
  std::int64_t a_stride = 0;
  std::int64_t b_stride = 0;
  std::int64_t c_stride = 0;
  Epilogue epilogue = Epilogue::none;
  const float* bias = nullptr;     // (columns)
  void* mask = nullptr;            // mask_bytes(rows, columns)
  float* bias_gradient = nullptr;  // (columns)
};

/// Bits in a row of a mask: cuBLASLt asks for a multiple of 128.
constexpr std::int64_t mask_stride(std::int64_t columns) { return (columns + 127) / 128 * 128; }
constexpr std::int64_t mask_bytes(std::int64_t rows, std::int64_t columns) {
  return rows * mask_stride(columns) / 8;
}

/// What to do where the library of products is missing.
inline constexpr std::string_view products_remedy =
    "Install cuBLAS of that version (part of the CUDA toolkit, and of NVIDIA's packages for "
    "Python) "
    "and put its folder into LD_LIBRARY_PATH, or use --device cpu.";

/// Products of one stream: instances share nothing, and each has a workspace of its own, so that
/// what runs beside them cannot change their bits.
class Gemm {
 public:
  /// Why there are no products on this machine; empty if there are.
  [[nodiscard]] static std::string problem();

  /// Bytes of workspace that an instance wants from its owner.
  [[nodiscard]] static std::int64_t workspace_bytes();

  /// On the current device. `workspace` outlives the instance.
  Gemm(Arithmetic arithmetic, void* workspace);
  ~Gemm();
  Gemm(Gemm&&) noexcept;
  Gemm& operator=(Gemm&&) noexcept;

  /// Settles how `product` is computed and returns its number. Overwrites its results while it
  /// measures candidates; not for use in a capture. Throws NoAlgorithmError.
  [[nodiscard]] int prepare(const Product& product, cudaStream_t stream);
  /// The same; none where the library has no way, or an epilogue's operand is not aligned to
  /// 16 bytes. The library has no way for some epilogues: Epilogue::none
  /// and the project's kernels do the same work.
  [[nodiscard]] std::optional<int> try_prepare(const Product& product, cudaStream_t stream);
  /// Enqueues a product with the operands it was prepared with. May be captured.
  void run(int number, cudaStream_t stream) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hourglass::cuda
