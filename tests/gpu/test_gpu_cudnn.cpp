// A second opinion on the GPU: cuDNN's activations, bias addition and bias gradient against the
// project's kernels. Both may be 16 u from the truth, so 32 u from each other.
#include "support/catch.h"
#include "support/skip.h"

#if HOURGLASS_WITH_CUDNN

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cuda/cuda_engine.h"
#include "kernels/activation_backward.h"
#include "kernels/bias_activation.h"
#include "kernels/device_matrix.h"
#include "lab/cudnn.h"
#include "support/engine_checks.h"
#include "support/numbers.h"

using namespace hourglass;
namespace lab = hourglass::tools::lab;
using test::DeviceArray;

namespace {

constexpr float one = 1;
constexpr float zero = 0;

struct Shape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};
constexpr Shape shapes[]{{1, 1}, {7, 5}, {150, 392}, {150, 784}, {129, 257}, {4096, 196}};

bool without_gpu() {
  const cuda::CudaStatus status = cuda::cuda_device_status();
  const std::string problem = status.devices.empty() ? status.problem : lab::cudnn_problem();
  if (!problem.empty()) test::skip(problem);
  return !problem.empty();
}

cudnnActivationMode_t mode_of(Activation activation) {
  if (activation == Activation::sigmoid) return CUDNN_ACTIVATION_SIGMOID;
  if (activation == Activation::tanh) return CUDNN_ACTIVATION_TANH;
  return CUDNN_ACTIVATION_RELU;
}

/// One layer's tensors on the device, and cuDNN's description of them.
struct Layer {
  explicit Layer(const Shape& shape)
      : count(static_cast<std::size_t>(shape.rows * shape.columns)),
        z(test::uniform(count, 1, -3, 3)),
        bias(test::uniform(static_cast<std::size_t>(shape.columns), 2, -1, 1)),
        da(test::uniform(count, 3, -1, 1)),
        matrix(shape.rows, shape.columns, shape.columns),
        row(1, shape.columns, shape.columns) {}

  std::size_t count;
  std::vector<float> z;
  std::vector<float> bias;
  std::vector<float> da;
  lab::CudnnHandle handle;
  lab::CudnnMatrix matrix;
  lab::CudnnMatrix row;
};

}  // namespace

TEST_CASE("gpu: cuDNN's bias addition and activations agree with the kernels, forward and back") {
  if (without_gpu()) return;
  for (const Shape& shape : shapes)
    for (const Activation activation :
         {Activation::relu, Activation::sigmoid, Activation::tanh, Activation::linear}) {
      const Layer layer(shape);
      const bool linear = activation == Activation::linear;
      INFO(name(activation) << " " << shape.rows << " x " << shape.columns);
      const DeviceArray<float> bias(layer.bias);
      const DeviceArray<float> ours(layer.z);
      const DeviceArray<std::uint32_t> magnitude(std::vector<std::uint32_t>{0});
      kernels::bias_activation(ours.data(), nullptr, bias.data(), magnitude.data(), activation,
                               shape.rows, shape.columns, shape.columns, nullptr);

      const lab::CudnnActivation act(mode_of(activation));
      const DeviceArray<float> z(layer.z);
      const DeviceArray<float> a(static_cast<std::int64_t>(layer.count));
      lab::check_cudnn(lab::cudnn().add_tensor(layer.handle.get(), &one, layer.row.get(),
                                               bias.data(), &one, layer.matrix.get(), z.data()),
                       "add the bias");
      if (!linear)
        lab::check_cudnn(
            lab::cudnn().activation_forward(layer.handle.get(), act.get(), &one, layer.matrix.get(),
                                            z.data(), &zero, layer.matrix.get(), a.data()),
            "activate");
      const auto found = ours.get();
      const auto expected = linear ? z.get() : a.get();
      test::WorstError worst;
      for (std::size_t i = 0; i < layer.count; ++i) {
        const double sum = std::abs(static_cast<double>(layer.z[i])) +
                           std::abs(static_cast<double>(layer.bias[i % layer.bias.size()]));
        worst.add(found[i], expected[i], std::max(1.0, sum));
      }
      CHECK(worst.value() <= 2 * test::blas_threshold);
      if (linear) continue;

      const DeviceArray<float> dz(layer.da);
      const DeviceArray<float> da(layer.da);
      const DeviceArray<float> other(static_cast<std::int64_t>(layer.count));
      const DeviceArray<float> partials(kernels::backward_row_blocks(shape.rows) * shape.columns);
      kernels::BackwardArgs args;
      args.da = dz.data();
      args.kept = a.data();  // the same outputs for both
      args.rows = shape.rows;
      args.columns = shape.columns;
      args.da_stride = args.stride = shape.columns;
      args.activation = activation;
      args.bias_partials = partials.data();
      args.magnitude = magnitude.data();
      kernels::activation_backward(dz.data(), args, nullptr);
      lab::check_cudnn(
          lab::cudnn().activation_backward(
              layer.handle.get(), act.get(), &one, layer.matrix.get(), a.data(), layer.matrix.get(),
              da.data(), layer.matrix.get(), z.data(), &zero, layer.matrix.get(), other.data()),
          "go back through the activation");
      const auto back = dz.get();
      const auto other_back = other.get();
      test::WorstError worst_back;
      for (std::size_t i = 0; i < layer.count; ++i)
        worst_back.add(back[i], other_back[i], std::abs(static_cast<double>(layer.da[i])));
      CHECK(worst_back.value() <= 2 * test::blas_threshold);
    }
}

TEST_CASE("gpu: cuDNN's bias gradient agrees with the kernel's column sums") {
  if (without_gpu()) return;
  for (const Shape& shape : shapes) {
    const Layer layer(shape);
    INFO(shape.rows << " x " << shape.columns);
    const std::int64_t blocks = kernels::backward_row_blocks(shape.rows);
    const DeviceArray<float> dz(layer.da);
    const DeviceArray<float> partials(blocks * shape.columns);
    const DeviceArray<std::uint32_t> magnitude(std::vector<std::uint32_t>{0});
    kernels::BackwardArgs args;
    args.da = dz.data();
    args.kept = dz.data();
    args.rows = shape.rows;
    args.columns = shape.columns;
    args.da_stride = args.stride = shape.columns;
    args.activation = Activation::linear;
    args.bias_partials = partials.data();
    args.magnitude = magnitude.data();
    kernels::activation_backward(dz.data(), args, nullptr);
    const DeviceArray<float> gradient(shape.columns);
    lab::check_cudnn(
        lab::cudnn().convolution_backward_bias(layer.handle.get(), &one, layer.matrix.get(),
                                               dz.data(), &zero, layer.row.get(), gradient.data()),
        "sum the columns");
    const auto sums = partials.get();
    const auto expected = gradient.get();
    test::WorstError worst;
    for (std::size_t column = 0; column < expected.size(); ++column) {
      double sum = 0;
      double absolute = 0;
      for (std::size_t i = column; i < sums.size(); i += expected.size()) sum += sums[i];
      for (std::size_t i = column; i < layer.count; i += expected.size())
        absolute += std::abs(static_cast<double>(layer.da[i]));
      worst.add(sum, expected[column], absolute);
    }
    CHECK(worst.value() <= 2 * test::blas_threshold);
  }
}

#else

TEST_CASE("gpu: cuDNN's second opinion") {
  hourglass::test::skip("this build has no cuDNN (HOURGLASS_CUDNN)");
}

#endif
