// A fake of cuBLASLt on the emulator: column-major products in plain loops, the two epilogues, and
// strictness where the library is: shapes, leading dimensions, alignment. Its ReLU makes 0 of NaN,
// which the library's may.
#include "fake_cublaslt.h"

#include <cublasLt.h>
#include <cuda_bf16.h>

#include <cmath>
#include <cstring>
#include <string>

#include "cuda/cublaslt_library.h"
#include "cuda/gemm.h"
#include "emulator/control.h"

struct FakeHandle {};

struct FakeDescription {
  cublasOperation_t transpose_a = CUBLAS_OP_N;
  cublasOperation_t transpose_b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  float* bias = nullptr;
  std::uint32_t* mask = nullptr;
  std::int64_t mask_stride = 0;
};

struct FakeLayout {
  cudaDataType_t type;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stride;
};

struct FakePreference {
  std::uint32_t alignment = 256;  // the least of all operands'
};

namespace {

using fake_cublaslt::library;

constexpr std::uint64_t aligned_algorithm = 1;
constexpr std::uint64_t last_algorithm = 3;
constexpr std::uintptr_t vector_bytes = 16;

bool is_aligned(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % vector_bytes == 0;
}

template <typename Object>
cublasStatus_t make(Object** handle, const Object& object) {
  *handle = new Object(object);
  ++library().live;
  return CUBLAS_STATUS_SUCCESS;
}

template <typename Object>
cublasStatus_t destroy(Object* handle) {
  delete handle;
  --library().live;
  return CUBLAS_STATUS_SUCCESS;
}

template <typename Value>
cublasStatus_t take(Value& to, const void* value, std::size_t bytes) {
  if (bytes != sizeof(Value)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&to, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

bool fits(const FakeLayout& layout, std::int64_t rows, std::int64_t columns) {
  return layout.rows == rows && layout.columns == columns && layout.stride >= rows;
}

/// d (m, n) = op(a) (m, k) op(b) (k, n), all column-major.
struct Problem {
  FakeDescription description;
  FakeLayout a;
  FakeLayout b;
  FakeLayout d;

  [[nodiscard]] std::int64_t depth() const {
    return description.transpose_a == CUBLAS_OP_N ? a.columns : a.rows;
  }
  [[nodiscard]] bool makes_sense() const {
    const bool plain_a = description.transpose_a == CUBLAS_OP_N;
    const bool plain_b = description.transpose_b == CUBLAS_OP_N;
    const bool fused = description.epilogue != CUBLASLT_EPILOGUE_DEFAULT;
    return fits(d, d.rows, d.columns) && d.type == CUDA_R_32F && a.type == b.type &&
           (plain_a ? fits(a, d.rows, depth()) : fits(a, depth(), d.rows)) &&
           (plain_b ? fits(b, depth(), d.columns) : fits(b, d.columns, depth())) &&
           (!fused || (description.bias != nullptr && description.mask != nullptr &&
                       description.mask_stride % 128 == 0 && description.mask_stride >= d.rows));
  }
  [[nodiscard]] bool has_algorithms() const {
    switch (description.epilogue) {
      case CUBLASLT_EPILOGUE_RELU_AUX_BIAS:
        return library().has_bias_relu;
      case CUBLASLT_EPILOGUE_DRELU_BGRAD:
        return library().has_relu_gradient;
      default:
        return library().has_plain;
    }
  }
};

template <typename Element>
float entry(const Element* matrix, cublasOperation_t operation, std::int64_t stride,
            std::int64_t row, std::int64_t column) {
  return static_cast<float>(operation == CUBLAS_OP_N ? matrix[row + column * stride]
                                                     : matrix[column + row * stride]);
}

float with_bias_and_relu(const FakeDescription& description, float sum, std::int64_t row,
                         std::int64_t column) {
  sum += description.bias[row];
  std::uint32_t& word = description.mask[(column * description.mask_stride + row) / 32];
  const std::uint32_t bit = 1U << (row % 32);
  word = sum > 0.0F ? word | bit : word & ~bit;
  return std::fmax(sum, 0.0F);
}

bool is_masked(const FakeDescription& description, std::int64_t row, std::int64_t column) {
  const std::uint32_t word = description.mask[(column * description.mask_stride + row) / 32];
  return (word >> (row % 32) & 1U) == 0U;
}

template <typename Element>
void multiply(const Problem& p, const Element* a, const Element* b, float* d) {
  const FakeDescription& description = p.description;
  for (std::int64_t row = 0; row < p.d.rows; ++row) {
    float bias_gradient = 0.0F;
    for (std::int64_t column = 0; column < p.d.columns; ++column) {
      float sum = 0.0F;
      for (std::int64_t k = 0; k < p.depth(); ++k)
        sum += entry(a, description.transpose_a, p.a.stride, row, k) *
               entry(b, description.transpose_b, p.b.stride, k, column);
      if (description.epilogue == CUBLASLT_EPILOGUE_RELU_AUX_BIAS)
        sum = with_bias_and_relu(description, sum, row, column);
      if (description.epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD) {
        if (is_masked(description, row, column)) sum = 0.0F;
        bias_gradient += sum;
      }
      d[row + column * p.d.stride] = sum;
    }
    if (description.epilogue == CUBLASLT_EPILOGUE_DRELU_BGRAD)
      description.bias[row] = bias_gradient;
  }
}

}  // namespace

namespace fake_cublaslt {

Library& library() {
  static Library the_library;
  return the_library;
}

}  // namespace fake_cublaslt

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) { return make(handle, FakeHandle{}); }
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) { return destroy(handle); }
std::size_t cublasLtGetVersion() { return library().version; }
const char* cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED"
                                               : "another status of cuBLAS";
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t description, const void*,
                              const void* a, cublasLtMatrixLayout_t a_layout, const void* b,
                              cublasLtMatrixLayout_t b_layout, const void*, const void*,
                              cublasLtMatrixLayout_t, void* d, cublasLtMatrixLayout_t d_layout,
                              const cublasLtMatmulAlgo_t* algorithm, void*, std::size_t,
                              cudaStream_t stream) {
  const Problem problem{*description, *a_layout, *b_layout, *d_layout};
  const std::uint64_t number = algorithm->data[0];
  if (!problem.makes_sense()) return CUBLAS_STATUS_INVALID_VALUE;
  if (!library().has_memory) return CUBLAS_STATUS_ALLOC_FAILED;
  if (library().failing.contains(number)) return CUBLAS_STATUS_EXECUTION_FAILED;
  const bool wants_alignment = number == aligned_algorithm;
  if ((wants_alignment && !(is_aligned(a) && is_aligned(b) && is_aligned(d))) ||
      !is_aligned(description->bias))
    throw emulator::Fault("cuBLASLt: misaligned address");
  library().runs.push_back(number);
  const cudaError_t error = emulator::enqueue(stream, "cublasLtMatmul", [problem, a, b, d] {
    auto* const result = static_cast<float*>(d);
    if (problem.a.type == CUDA_R_16BF)
      multiply(problem, static_cast<const __nv_bfloat16*>(a), static_cast<const __nv_bfloat16*>(b),
               result);
    else
      multiply(problem, static_cast<const float*>(a), static_cast<const float*>(b), result);
  });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                       const cublasLtMatmulAlgo_t* algorithm,
                                       cublasLtMatmulHeuristicResult_t* result) {
  result->workspaceSize = 0;
  const std::uint64_t number = algorithm->data[0];
  const bool known = number >= 1 && number <= last_algorithm && !library().unknown.contains(number);
  return known ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results,
                                              int* found) {
  ++library().queries;
  *found = 0;
  const Problem problem{*description, *a, *b, *d};
  if (!problem.makes_sense()) return CUBLAS_STATUS_INVALID_VALUE;
  if (!problem.has_algorithms()) return CUBLAS_STATUS_NOT_SUPPORTED;
  for (std::uint64_t number = 1; number <= last_algorithm && *found < wanted; ++number) {
    const bool runs_here = number != aligned_algorithm || preference->alignment >= vector_bytes;
    if (!runs_here || library().unknown.contains(number)) continue;
    cublasLtMatmulHeuristicResult_t& result = results[(*found)++];
    result = {};
    result.algo.data[0] = number;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* description, cublasComputeType_t,
                                        cudaDataType_t) {
  return make(description, FakeDescription{});
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
  return destroy(description);
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t description,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t bytes) {
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return take(description->transpose_a, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return take(description->transpose_b, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return take(description->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return take(description->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
      return take(description->mask, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
      return take(description->mask_stride, value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  return make(preference, FakePreference{});
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy(preference);
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, std::size_t bytes) {
  if (attribute < CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES) return CUBLAS_STATUS_SUCCESS;
  std::uint32_t alignment = 0;
  const cublasStatus_t status = take(alignment, value, bytes);
  if (alignment < preference->alignment) preference->alignment = alignment;
  return status;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          std::uint64_t rows, std::uint64_t columns,
                                          std::int64_t stride) {
  return make(layout, FakeLayout{type, static_cast<std::int64_t>(rows),
                                 static_cast<std::int64_t>(columns), stride});
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy(layout);
}

namespace hourglass::cuda {

std::string Gemm::problem() { return {}; }

const CublasLt& cublaslt() {
  static const CublasLt functions{cublasLtCreate,
                                  cublasLtDestroy,
                                  cublasLtGetVersion,
                                  cublasLtGetStatusString,
                                  cublasLtMatmul,
                                  cublasLtMatmulAlgoCheck,
                                  cublasLtMatmulAlgoGetHeuristic,
                                  cublasLtMatmulDescCreate,
                                  cublasLtMatmulDescDestroy,
                                  cublasLtMatmulDescSetAttribute,
                                  cublasLtMatmulPreferenceCreate,
                                  cublasLtMatmulPreferenceDestroy,
                                  cublasLtMatmulPreferenceSetAttribute,
                                  cublasLtMatrixLayoutCreate,
                                  cublasLtMatrixLayoutDestroy};
  return functions;
}

}  // namespace hourglass::cuda
