// The plain twin of gemm_cublaslt.cpp.
#include "kernels/gemm_plain.h"

#include <utility>
#include <vector>

#include "cuda/gemm.h"

namespace hourglass::cuda {

struct Gemm::State {
  Arithmetic arithmetic;
  std::vector<Product> products;
};

std::string Gemm::problem() { return {}; }

std::int64_t Gemm::workspace_bytes() { return 0; }

Gemm::Gemm(Arithmetic arithmetic, void*) : state_(std::make_unique<State>()) {
  state_->arithmetic = arithmetic;
}
Gemm::~Gemm() = default;
Gemm::Gemm(Gemm&&) noexcept = default;
Gemm& Gemm::operator=(Gemm&&) noexcept = default;

int Gemm::prepare(const Product& product, cudaStream_t) {
  state_->products.push_back(product);
  return static_cast<int>(state_->products.size()) - 1;
}

std::optional<int> Gemm::try_prepare(const Product& product, cudaStream_t stream) {
  return prepare(product, stream);
}

void Gemm::run(int number, cudaStream_t stream) const {
  const Product& product = state_->products[static_cast<std::size_t>(number)];
  kernels::PlainProduct args;
  args.rows = product.rows;
  args.columns = product.columns;
  args.depth = product.depth;
  args.a_row = product.a_transposed ? 1 : product.a_stride;
  args.a_depth = product.a_transposed ? product.a_stride : 1;
  args.b_depth = product.b_transposed ? 1 : product.b_stride;
  args.b_column = product.b_transposed ? product.b_stride : 1;
  args.c_stride = product.c_stride;
  args.mask_words = mask_stride(product.columns) / 32;
  args.c = product.c;
  const auto* mask = static_cast<const std::uint32_t*>(product.mask);
  if (product.epilogue == Epilogue::bias_relu) args.bias = product.bias;
  if (product.epilogue == Epilogue::mask_and_bias_gradient) args.mask = mask;
  if (state_->arithmetic == Arithmetic::bf16)
    kernels::plain_product(args, static_cast<const kernels::Bf16*>(product.a),
                           static_cast<const kernels::Bf16*>(product.b), stream);
  else
    kernels::plain_product(args, static_cast<const float*>(product.a),
                           static_cast<const float*>(product.b), stream);
  if (product.epilogue == Epilogue::bias_relu)
    kernels::plain_relu_mask(static_cast<std::uint32_t*>(product.mask), args, stream);
  if (product.epilogue == Epilogue::mask_and_bias_gradient)
    kernels::plain_column_sums(product.bias_gradient, args, stream);
}

}  // namespace hourglass::cuda
