// The products of gemm_cublaslt.cpp, and the engine around them, with a fake of cuBLASLt.
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "cuda/device_buffer.h"
#include "cuda/gemm.h"
#include "cuda/stream.h"
#include "cuda_support.h"
#include "fake_cublaslt.h"
#include "hourglass/error.h"
#include "support/catch.h"
#include "support/engine_checks.h"
#include "support/temporary_directory.h"

using namespace hourglass;
using cuda::Arithmetic;
using cuda::Epilogues;
using cuda::Gemm;
using cuda::Product;
using fake_cublaslt::library;

namespace {

/// A fresh library, and an empty folder for its pins.
class FreshLibrary {
 public:
  FreshLibrary() {
    emulator::reset();
    library() = {};
    setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1);
  }
  ~FreshLibrary() { unsetenv("XDG_CACHE_HOME"); }
  FreshLibrary(const FreshLibrary&) = delete;
  FreshLibrary& operator=(const FreshLibrary&) = delete;

  [[nodiscard]] std::int64_t pins() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path() / "hourglass/products"),
                         {});
  }

 private:
  test::TemporaryDirectory folder_;
};

cuda::CudaOptions fused_options() {
  cuda::CudaOptions options = test::cuda_options();
  options.epilogues = Epilogues::fused;
  return options;
}

struct FirstStep {
  std::vector<float> gradient;  // with beta1 = 0 the first moment is the gradient itself
  std::string device;
};

FirstStep first_step(test::EngineProblem problem, const cuda::CudaOptions& options) {
  problem.plan.optimizer.beta1 = 0;
  emulator::reset();
  const auto engine = cuda::make_cuda_engine(problem.plan, options);
  engine->set_state(problem.state);
  engine->run(1);
  return {engine->state().first_moment, engine->info().device};
}

std::string fused_layers(int count) { return "fused layers: " + std::to_string(count); }

/// One product of 8 x 8 matrices, with a workspace and a stream.
struct OneProduct {
  cuda::Stream stream;
  cuda::DeviceBuffer<std::byte> workspace{"the workspace", Gemm::workspace_bytes()};
  cuda::DeviceBuffer<float> numbers{"numbers", 3 * 64};
  Product product;

  OneProduct() {
    cuda::clear(numbers.data(), numbers.size(), stream.get());
    product.rows = product.columns = product.depth = 8;
    product.a_stride = product.b_stride = product.c_stride = 8;
    product.a = numbers.data();
    product.b = numbers.data() + 64;
    product.c = numbers.data() + 128;
  }
  /// The algorithm that a new instance settles on.
  std::uint64_t settle() {
    Gemm products(Arithmetic::fp32, workspace.data());
    products.run(products.prepare(product, stream.get()), stream.get());
    stream.synchronize();
    return library().runs.back();
  }
};

}  // namespace

TEST_CASE("cuBLASLt: gradients within 16 u of the oracle, with and without fused epilogues") {
  const FreshLibrary fresh;
  using Sizes = std::pair<std::vector<std::int64_t>, std::int64_t>;
  for (const auto& [widths, batch] :
       {Sizes{{24, 16, 8, 16, 24}, 12}, Sizes{{7, 5, 3, 5, 7}, 9}, Sizes{{31, 33, 15, 31}, 17}}) {
    const test::EngineProblem problem(widths, Activation::relu, batch, PixelType::u8);
    for (const Epilogues epilogues : {Epilogues::kernels, Epilogues::fused}) {
      cuda::CudaOptions options = test::cuda_options();
      options.epilogues = epilogues;
      INFO(widths.front() << " pixels, batch " << batch);
      CHECK(test::worst_error_in_u(problem, first_step(problem, options).gradient) <=
            test::blas_threshold);
    }
  }
  CHECK(library().live == 0);
}

TEST_CASE("cuBLASLt: two epochs with fused epilogues follow the oracle") {
  const FreshLibrary fresh;
  const test::EngineProblem problem = test::small_problem(Activation::relu);
  const auto engine = cuda::make_cuda_engine(problem.plan, fused_options());
  CHECK_THAT(engine->info().device, Catch::Contains(fused_layers(3)));
  engine->set_state(problem.state);
  test::check_forward(*engine, problem, 53);
  test::check_evaluation_sums(*engine, problem.plan.train);
  test::check_steps(*engine, problem, 9);
}

TEST_CASE("cuBLASLt: a layer without an algorithm for its epilogues keeps the kernels") {
  const test::EngineProblem problem = test::small_problem(Activation::relu);
  const FreshLibrary fresh;
  const auto plain = first_step(problem, test::cuda_options());
  for (bool fake_cublaslt::Library::*epilogue :
       {&fake_cublaslt::Library::has_bias_relu, &fake_cublaslt::Library::has_relu_gradient}) {
    library().*epilogue = false;
    const auto found = first_step(problem, fused_options());
    CHECK_THAT(found.device, Catch::Contains(fused_layers(0)));
    CHECK(test::same_bits(found.gradient, plain.gradient));
    library().*epilogue = true;
  }
}

TEST_CASE("cuBLASLt: a bias that is not aligned to 16 bytes is added by the kernels") {
  const FreshLibrary fresh;
  // The hidden layers' biases begin at numbers 35, 55 and 73 of the arena; below at 32.
  const test::EngineProblem odd({7, 5, 3, 5, 7}, Activation::relu, 9, PixelType::u8);
  CHECK_THAT(first_step(odd, fused_options()).device, Catch::Contains(fused_layers(0)));
  const test::EngineProblem even({8, 4, 8}, Activation::relu, 9, PixelType::u8);
  CHECK_THAT(first_step(even, fused_options()).device, Catch::Contains(fused_layers(1)));
}

TEST_CASE("cuBLASLt: a product without any algorithm is an error that says which") {
  const FreshLibrary fresh;
  library().has_plain = false;
  const TrainingPlan plan = test::small_problem().plan;
  CHECK_THROWS_AS(cuda::make_cuda_engine(plan, test::cuda_options()), cuda::NoAlgorithmError);
  CHECK_THROWS_WITH(cuda::make_cuda_engine(plan, test::cuda_options()),
                    Catch::Contains("CUBLAS_STATUS_NOT_SUPPORTED") && Catch::Contains("fp32"));
  CHECK(library().live == 0);
  CHECK(emulator::live_objects().total() == 0);
}

TEST_CASE("cuBLASLt: an algorithm stays once it is pinned") {
  const FreshLibrary fresh;
  OneProduct one;
  const std::uint64_t chosen = one.settle();
  CHECK(fresh.pins() == 1);
  CHECK(library().queries == 1);
  for (int i = 0; i < 5; ++i) CHECK(one.settle() == chosen);
  CHECK(library().queries == 1);
  library().version += 1;  // another library: another pin
  static_cast<void>(one.settle());
  CHECK(library().queries == 2);
  CHECK(fresh.pins() == 2);
}

TEST_CASE("cuBLASLt: a pinned algorithm that does not work any more gives way to another") {
  for (std::set<std::uint64_t> fake_cublaslt::Library::*trouble :
       {&fake_cublaslt::Library::unknown, &fake_cublaslt::Library::failing}) {
    const FreshLibrary fresh;
    OneProduct one;
    const std::uint64_t old = one.settle();
    library().*trouble = {old};
    const std::uint64_t next = one.settle();
    CHECK(next != old);
    CHECK(fresh.pins() == 1);
    library().failing.clear();
    library().unknown.clear();
    CHECK(one.settle() == next);  // for good
    CHECK(library().queries == 2);
  }
}

TEST_CASE("cuBLASLt: an empty list of algorithms is an error that says so") {
  const FreshLibrary fresh;
  OneProduct one;
  library().unknown = {1, 2, 3};
  CHECK_THROWS_WITH(one.settle(), Catch::Contains("CUBLAS_STATUS_NOT_SUPPORTED"));
}

TEST_CASE("cuBLASLt: too little memory is the device's error, and costs no pin") {
  const FreshLibrary fresh;
  OneProduct one;
  const std::uint64_t pinned = one.settle();
  library().has_memory = false;
  try {
    static_cast<void>(one.settle());
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::device);
  }
  library().has_memory = true;
  CHECK(one.settle() == pinned);
  CHECK(library().queries == 1);
}
