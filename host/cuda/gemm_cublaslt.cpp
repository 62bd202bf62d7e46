// Products by cuBLASLt. Row-major `C = A B` is column-major `C^T = B^T A^T`: the library gets the
// operands in exchanged order and works on the memory as it lies.
#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "cuda/algorithm_cache.h"
#include "cuda/cublaslt_library.h"
#include "cuda/event.h"
#include "cuda/gemm.h"
#include "kernels/check.h"

namespace hourglass::cuda {
namespace {

// What NVIDIA recommends for Hopper; the library takes more only for algorithms that want it.
constexpr std::int64_t workspace_size = std::int64_t{32} << 20;
constexpr std::uint32_t most_alignment = 256;
constexpr int most_candidates = 16;
// Kernels may read and write a bias four numbers at a time. No preference tells the library how the
// bias is aligned, and its heuristic has been seen to overlook the address in the description
// (PyTorch, pull request 194497): the kernel then faults, and nothing on the device can be used any
// more.
constexpr std::uint32_t epilogue_alignment = 16;

void require(cublasStatus_t status, const std::string& what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const bool no_memory = status == CUBLAS_STATUS_ALLOC_FAILED;
  throw Error(no_memory ? ExitCode::device : ExitCode::internal,
              "cuBLASLt: " + what + ": " + cublaslt().status_string(status));
}

/// Whether the library takes an algorithm. Too little memory says nothing about that: an error.
bool accepts(cublasStatus_t status, const std::string& what) {
  if (status == CUBLAS_STATUS_ALLOC_FAILED) require(status, what);
  return status == CUBLAS_STATUS_SUCCESS;
}

template <typename Handle, cublasStatus_t (*CublasLt::*destroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (handle_ != nullptr) static_cast<void>((cublaslt().*destroy)(handle_));
  }
  Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  [[nodiscard]] Handle get() const { return handle_; }
  [[nodiscard]] Handle* target() { return &handle_; }

 private:
  Handle handle_ = nullptr;
};

using LightHandle = Owned<cublasLtHandle_t, &CublasLt::destroy>;
using Description = Owned<cublasLtMatmulDesc_t, &CublasLt::description_destroy>;
using Layout = Owned<cublasLtMatrixLayout_t, &CublasLt::layout_destroy>;
using Preference = Owned<cublasLtMatmulPreference_t, &CublasLt::preference_destroy>;

/// The largest power of two that the address is a multiple of, up to what the library asks for.
std::uint32_t alignment_of(const void* address) {
  const auto bits = reinterpret_cast<std::uintptr_t>(address) | most_alignment;
  return std::uint32_t{1} << std::countr_zero(bits);
}

bool epilogue_is_aligned(const Product& product) {
  const std::array<const void*, 3> addresses{product.bias, product.mask, product.bias_gradient};
  return std::ranges::all_of(
      addresses, [](const void* address) { return alignment_of(address) >= epilogue_alignment; });
}

cublasLtEpilogue_t library_epilogue(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::bias_relu:
      return CUBLASLT_EPILOGUE_RELU_AUX_BIAS;
    case Epilogue::mask_and_bias_gradient:
      return CUBLASLT_EPILOGUE_DRELU_BGRAD;
    default:
      return CUBLASLT_EPILOGUE_DEFAULT;
  }
}

Layout make_layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns,
                   std::int64_t stride) {
  Layout layout;
  require(cublaslt().layout_create(layout.target(), type, static_cast<std::uint64_t>(rows),
                                   static_cast<std::uint64_t>(columns), stride),
          "make a layout");
  return layout;
}

}  // namespace

/// A product as the library sees it.
struct PreparedProduct {
  Product product;
  Description description;
  Layout first;   // our b
  Layout second;  // our a
  Layout result;
  cublasLtMatmulAlgo_t algorithm{};
};

struct Gemm::State {
  Arithmetic arithmetic;
  void* workspace;
  LightHandle handle;
  std::string library_and_gpu;
  AlgorithmCache cache{AlgorithmCache::default_directory()};
  std::vector<PreparedProduct> products;
  cublasStatus_t refusal = CUBLAS_STATUS_SUCCESS;  // why the last product has no algorithm

  [[nodiscard]] PreparedProduct describe(const Product& product) const;
  [[nodiscard]] std::string key(const Product& product) const;
  [[nodiscard]] std::vector<cublasLtMatmulHeuristicResult_t> candidates(
      const PreparedProduct& prepared);
  [[nodiscard]] bool usable(const PreparedProduct& prepared) const;
  [[nodiscard]] cublasStatus_t run(const PreparedProduct& prepared, cudaStream_t stream) const;
  /// Milliseconds of one run: the median of a few rounds.
  [[nodiscard]] float measure(const PreparedProduct& prepared, cudaStream_t stream) const;
  /// Takes an algorithm over; whether it runs.
  [[nodiscard]] bool takes(PreparedProduct& prepared, const AlgorithmWords& words,
                           cudaStream_t stream) const;
  /// Whether there is one that runs. It has run then, outside of any capture: its kernel is loaded.
  [[nodiscard]] bool choose_algorithm(PreparedProduct& prepared, cudaStream_t stream);
};

PreparedProduct Gemm::State::describe(const Product& product) const {
  PreparedProduct prepared;
  prepared.product = product;
  const cublasComputeType_t compute =
      arithmetic == Arithmetic::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  require(cublaslt().description_create(prepared.description.target(), compute, CUDA_R_32F),
          "describe a product");
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
    require(
        cublaslt().description_set(prepared.description.get(), attribute, &value, sizeof(value)),
        "describe a product");
  };
  const cublasOperation_t first = product.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t second = product.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  set(CUBLASLT_MATMUL_DESC_TRANSA, first);
  set(CUBLASLT_MATMUL_DESC_TRANSB, second);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, library_epilogue(product.epilogue));
  if (product.epilogue != Epilogue::none) {
    const void* const bias = product.epilogue == Epilogue::bias_relu
                                 ? static_cast<const void*>(product.bias)
                                 : static_cast<const void*>(product.bias_gradient);
    const std::int64_t stride = mask_stride(product.columns);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, product.mask);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, stride);
  }
  const cudaDataType_t type = arithmetic == Arithmetic::bf16 ? CUDA_R_16BF : CUDA_R_32F;
  prepared.first = product.b_transposed
                       ? make_layout(type, product.depth, product.columns, product.b_stride)
                       : make_layout(type, product.columns, product.depth, product.b_stride);
  prepared.second = product.a_transposed
                        ? make_layout(type, product.rows, product.depth, product.a_stride)
                        : make_layout(type, product.depth, product.rows, product.a_stride);
  prepared.result = make_layout(CUDA_R_32F, product.columns, product.rows, product.c_stride);
  return prepared;
}

std::string Gemm::State::key(const Product& p) const {
  constexpr std::array names{"tf32", "fp32", "bf16"};
  std::string text = library_and_gpu + " | " + names[static_cast<std::size_t>(arithmetic)] +
                     " epilogue " + std::to_string(static_cast<int>(p.epilogue)) + " |";
  for (const std::int64_t number :
       {p.rows, p.columns, p.depth, std::int64_t{p.a_transposed}, std::int64_t{p.b_transposed},
        p.a_stride, p.b_stride, p.c_stride})
    text += ' ' + std::to_string(number);
  text += " | aligned";
  for (const void* address :
       {p.a, p.b, static_cast<const void*>(p.c), static_cast<const void*>(p.bias),
        static_cast<const void*>(p.mask), static_cast<const void*>(p.bias_gradient)})
    text += ' ' + std::to_string(alignment_of(address));
  return text + " | workspace " + std::to_string(workspace_size) + " | no sums in place";
}

std::vector<cublasLtMatmulHeuristicResult_t> Gemm::State::candidates(
    const PreparedProduct& prepared) {
  Preference preference;
  require(cublaslt().preference_create(preference.target()), "make a preference");
  const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    require(cublaslt().preference_set(preference.get(), attribute, &value, sizeof(value)),
            "make a preference");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(workspace_size));
  // Not into the result in turn, whose order nothing promises: one input, one sum.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE |
                                 CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(prepared.product.b));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(prepared.product.a));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(prepared.product.c));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(prepared.product.c));
  std::vector<cublasLtMatmulHeuristicResult_t> results(most_candidates);
  int count = 0;
  refusal =
      cublaslt().heuristic(handle.get(), prepared.description.get(), prepared.first.get(),
                           prepared.second.get(), prepared.result.get(), prepared.result.get(),
                           preference.get(), most_candidates, results.data(), &count);
  results.resize(accepts(refusal, "ask for algorithms") ? static_cast<std::size_t>(count) : 0);
  std::erase_if(results, [](const auto& result) { return result.state != CUBLAS_STATUS_SUCCESS; });
  if (results.empty() && refusal == CUBLAS_STATUS_SUCCESS) refusal = CUBLAS_STATUS_NOT_SUPPORTED;
  return results;
}

bool Gemm::State::usable(const PreparedProduct& prepared) const {
  cublasLtMatmulHeuristicResult_t result{};
  return cublaslt().algorithm_check(handle.get(), prepared.description.get(), prepared.first.get(),
                                    prepared.second.get(), prepared.result.get(),
                                    prepared.result.get(), &prepared.algorithm,
                                    &result) == CUBLAS_STATUS_SUCCESS &&
         result.workspaceSize <= static_cast<std::size_t>(workspace_size);
}

cublasStatus_t Gemm::State::run(const PreparedProduct& prepared, cudaStream_t stream) const {
  const float one = 1.0F;
  const float zero = 0.0F;
  const Product& p = prepared.product;
  return cublaslt().matmul(handle.get(), prepared.description.get(), &one, p.b,
                           prepared.first.get(), p.a, prepared.second.get(), &zero, p.c,
                           prepared.result.get(), p.c, prepared.result.get(), &prepared.algorithm,
                           workspace, static_cast<std::size_t>(workspace_size), stream);
}

float Gemm::State::measure(const PreparedProduct& prepared, cudaStream_t stream) const {
  Event begin(Event::Timing::on);
  Event end(Event::Timing::on);
  const auto time = [&](int runs) {
    begin.record(stream);
    for (int i = 0; i < runs; ++i) require(run(prepared, stream), "measure a product");
    end.record(stream);
    end.synchronize();
    return end.milliseconds_since(begin) / static_cast<float>(runs);
  };
  static_cast<void>(time(1));  // loads the kernel
  const int runs = std::clamp(static_cast<int>(0.5F / std::max(time(1), 1e-3F)), 1, 20);
  std::array<float, 5> rounds{};
  for (float& round : rounds) round = time(runs);
  std::ranges::sort(rounds);
  return rounds[rounds.size() / 2];
}

bool Gemm::State::takes(PreparedProduct& prepared, const AlgorithmWords& words,
                        cudaStream_t stream) const {
  std::ranges::copy(words, std::begin(prepared.algorithm.data));
  return usable(prepared) && accepts(run(prepared, stream), "try a pinned algorithm");
}

bool Gemm::State::choose_algorithm(PreparedProduct& prepared, cudaStream_t stream) {
  const std::string name = key(prepared.product);
  const auto pinned = cache.find(name);
  if (pinned && takes(prepared, *pinned, stream)) return true;
  const auto results = candidates(prepared);
  const cublasLtMatmulHeuristicResult_t* first = nullptr;  // that ran
  const cublasLtMatmulHeuristicResult_t* best = nullptr;
  float best_time = 0;
  for (const auto& result : results) {
    prepared.algorithm = result.algo;
    refusal = run(prepared, stream);
    if (!accepts(refusal, "try an algorithm")) continue;
    if (first == nullptr) first = &result;
    const float time = measure(prepared, stream);
    if (best != nullptr && time >= best_time) continue;
    best = &result;
    best_time = time;
  }
  if (best == nullptr) return false;
  // What is pinned was tried and does not run here: another choice takes its place.
  if (pinned) cache.drop(name, *pinned);
  AlgorithmWords words{};
  std::ranges::copy(best->algo.data, words.begin());
  const auto agreed = cache.pin(name, words) ? cache.find(name) : std::nullopt;
  if (agreed && takes(prepared, *agreed, stream)) return true;
  // What cannot be pinned must not depend on the clock.
  prepared.algorithm = first->algo;
  return true;
}

std::int64_t Gemm::workspace_bytes() { return workspace_size; }

Gemm::Gemm(Arithmetic arithmetic, void* workspace) : state_(std::make_unique<State>()) {
  state_->arithmetic = arithmetic;
  state_->workspace = workspace;
  require(cublaslt().create(state_->handle.target()), "start the library");
  int device = 0;
  cudaDeviceProp properties{};
  kernels::check(cudaGetDevice(&device), "ask for the device");
  kernels::check(cudaGetDeviceProperties(&properties, device), "ask for the device");
  state_->library_and_gpu = "cublasLt " + std::to_string(cublaslt().version()) + " | " +
                            properties.name + " sm_" + std::to_string(properties.major) +
                            std::to_string(properties.minor) + ' ' +
                            std::to_string(properties.multiProcessorCount) + " SMs";
}
Gemm::~Gemm() = default;
Gemm::Gemm(Gemm&&) noexcept = default;
Gemm& Gemm::operator=(Gemm&&) noexcept = default;

std::optional<int> Gemm::try_prepare(const Product& product, cudaStream_t stream) {
  state_->refusal = CUBLAS_STATUS_NOT_SUPPORTED;
  if (!epilogue_is_aligned(product)) return std::nullopt;
  PreparedProduct prepared = state_->describe(product);
  if (!state_->choose_algorithm(prepared, stream)) return std::nullopt;
  state_->products.push_back(std::move(prepared));
  return static_cast<int>(state_->products.size()) - 1;
}

int Gemm::prepare(const Product& product, cudaStream_t stream) {
  if (const auto number = try_prepare(product, stream)) return *number;
  throw NoAlgorithmError("cuBLASLt has no algorithm that runs this product (" +
                         state_->key(product) + "): " + cublaslt().status_string(state_->refusal));
}

void Gemm::run(int number, cudaStream_t stream) const {
  require(state_->run(state_->products[static_cast<std::size_t>(number)], stream),
          "enqueue a product");
}

}  // namespace hourglass::cuda
