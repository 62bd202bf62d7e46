#include "onednn/product.h"

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>

#include "hourglass/error.h"

namespace hourglass::onednn {
namespace {

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed,
                          std::int64_t stride, dnnl::memory::data_type type) {
  const dnnl::memory::dims strides =
      transposed ? dnnl::memory::dims{1, stride} : dnnl::memory::dims{stride, 1};
  return {{rows, columns}, type, strides};
}

dnnl::matmul::primitive_desc describe(const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                      const dnnl::memory::desc& c) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);  // shared by nobody
#if DNNL_VERSION_MAJOR >= 3
  return {cpu(), a, b, c, attributes};
#else
  return {dnnl::matmul::desc(a, b, c), attributes, cpu()};
#endif
}

}  // namespace

struct Product::State {
  dnnl::matmul primitive;
  dnnl::stream stream{cpu()};
  dnnl::memory a, b, c, scratchpad;
  std::unordered_map<int, dnnl::memory> arguments;
};

bool has_bf16() {
  // Levels are sets of bits; later ones contain earlier ones.
  const auto found = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto needed = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (found & needed) == needed;
}

const char* version_text() {
  static const std::string text = std::to_string(DNNL_VERSION_MAJOR) + "." +
                                  std::to_string(DNNL_VERSION_MINOR) + "." +
                                  std::to_string(DNNL_VERSION_PATCH);
  return text.c_str();
}

void set_threads(int threads) { omp_set_num_threads(threads); }

Product::Product(const ProductShape& shape) : state_(std::make_unique<State>()) {
  using Type = dnnl::memory::data_type;
  const Type type = shape.operand == Operand::bf16 ? Type::bf16 : Type::f32;
  const auto a = matrix(shape.rows, shape.depth, shape.a_transposed, shape.a_stride, type);
  const auto b = matrix(shape.depth, shape.columns, shape.b_transposed, shape.b_stride, type);
  const auto c = matrix(shape.rows, shape.columns, false, shape.c_stride, Type::f32);
  try {
    const auto description = describe(a, b, c);
    state_->primitive = dnnl::matmul(description);
    state_->a = dnnl::memory(a, cpu(), DNNL_MEMORY_NONE);
    state_->b = dnnl::memory(b, cpu(), DNNL_MEMORY_NONE);
    state_->c = dnnl::memory(c, cpu(), DNNL_MEMORY_NONE);
    state_->scratchpad = dnnl::memory(description.scratchpad_desc(), cpu());
  } catch (const dnnl::error& error) {
    throw Error(ExitCode::internal,
                std::string("oneDNN has no product of this shape and type: ") + error.what());
  }
  state_->arguments = {{DNNL_ARG_SRC, state_->a},
                       {DNNL_ARG_WEIGHTS, state_->b},
                       {DNNL_ARG_DST, state_->c},
                       {DNNL_ARG_SCRATCHPAD, state_->scratchpad}};
}

Product::~Product() = default;
Product::Product(Product&&) noexcept = default;
Product& Product::operator=(Product&&) noexcept = default;

void Product::run(const void* a, const void* b, float* c) {
  // oneDNN takes pointers to non-const and does not write through those of its sources.
  state_->a.set_data_handle(const_cast<void*>(a));
  state_->b.set_data_handle(const_cast<void*>(b));
  state_->c.set_data_handle(c);
  state_->primitive.execute(state_->stream, state_->arguments);
  state_->stream.wait();
}

}  // namespace hourglass::onednn
