// cuDNN's way to do what the project's kernels do, as versions of the same operations: two calls
// where a kernel is one launch, and without the magnitudes that the guard against NaN needs.
#include <optional>

#include "lab/cudnn.h"
#include "lab/entry.h"

namespace hourglass::tools::lab {
namespace {

constexpr float one = 1;
constexpr float zero = 0;

std::optional<cudnnActivationMode_t> mode_of(Activation activation) {
  switch (activation) {
    case Activation::relu:
      return CUDNN_ACTIVATION_RELU;
    case Activation::sigmoid:
      return CUDNN_ACTIVATION_SIGMOID;
    case Activation::tanh:
      return CUDNN_ACTIVATION_TANH;
    default:
      return std::nullopt;
  }
}

/// One handle for all operations that are alive: each takes tens of megabytes of the device.
std::shared_ptr<CudnnHandle> shared_handle() {
  static std::weak_ptr<CudnnHandle> known;
  auto handle = known.lock();
  if (!handle) known = handle = std::make_shared<CudnnHandle>();
  return handle;
}

/// A layer's matrix and what cuDNN has to know of it.
struct Layer {
  Layer(std::int64_t rows, std::int64_t columns, cudnnActivationMode_t mode)
      : stride(cuda::row_stride<float>(columns)),
        count(rows * stride),
        handle(shared_handle()),
        activation(mode),
        matrix(rows, columns, stride),
        row(1, columns, columns) {}

  void begin(cudaStream_t stream) const {
    check_cudnn(cudnn().set_stream(handle->get(), stream), "select a stream");
  }

  std::int64_t stride;
  std::int64_t count;
  std::shared_ptr<CudnnHandle> handle;
  CudnnActivation activation;
  CudnnMatrix matrix;
  CudnnMatrix row;
};

/// The project's entry as cuDNN's; `make` is still to be set.
std::optional<Entry> version_of(const Entry& own, Activation activation) {
  if (own.precision != element_name<float> || !mode_of(activation)) return std::nullopt;
  Entry entry = own;
  entry.version += " cudnn";
  entry.make = nullptr;
  return entry;
}

}  // namespace

std::optional<Entry> cudnn_bias_activation(const Entry& own, std::int64_t rows,
                                           std::int64_t columns, Activation activation) {
  auto entry = version_of(own, activation);
  if (!entry) return entry;
  entry->make = [=](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      Layer layer;
      cuda::DeviceBuffer<float> z;
      cuda::DeviceBuffer<float> bias;

      Operands(Rig& rig, std::int64_t rows, std::int64_t columns, cudnnActivationMode_t mode)
          : layer(rows, columns, mode),
            z(rig.random<float>(layer.count)),
            bias(rig.random<float>(columns)) {}
    };
    auto operands = std::make_shared<Operands>(rig, rows, columns, *mode_of(activation));
    return [operands](cudaStream_t stream) {
      const Layer& l = operands->layer;
      float* const z = operands->z.data();
      l.begin(stream);
      check_cudnn(cudnn().add_tensor(l.handle->get(), &one, l.row.get(), operands->bias.data(),
                                     &one, l.matrix.get(), z),
                  "add the bias");
      check_cudnn(cudnn().activation_forward(l.handle->get(), l.activation.get(), &one,
                                             l.matrix.get(), z, &zero, l.matrix.get(), z),
                  "activate");
    };
  };
  return entry;
}

std::optional<Entry> cudnn_activation_backward(const Entry& own, std::int64_t rows,
                                               std::int64_t columns, Activation activation) {
  auto entry = version_of(own, activation);
  if (!entry) return entry;
  entry->make = [=](Rig& rig, std::int64_t) -> Operation {
    struct Operands {
      Layer layer;
      cuda::DeviceBuffer<float> da;
      cuda::DeviceBuffer<float> outputs;
      cuda::DeviceBuffer<float> bias_gradient;

      Operands(Rig& rig, std::int64_t rows, std::int64_t columns, cudnnActivationMode_t mode)
          : layer(rows, columns, mode),
            da(rig.random<float>(layer.count)),
            outputs(rig.random<float>(layer.count)),
            bias_gradient(rig.zeros<float>(columns)) {}
    };
    auto operands = std::make_shared<Operands>(rig, rows, columns, *mode_of(activation));
    return [operands](cudaStream_t stream) {
      const Layer& l = operands->layer;
      float* const da = operands->da.data();
      const float* const outputs = operands->outputs.data();
      l.begin(stream);
      // The derivatives follow from the outputs; of the inputs, relu's only the sign.
      check_cudnn(cudnn().activation_backward(l.handle->get(), l.activation.get(), &one,
                                              l.matrix.get(), outputs, l.matrix.get(), da,
                                              l.matrix.get(), outputs, &zero, l.matrix.get(), da),
                  "go back through the activation");
      check_cudnn(
          cudnn().convolution_backward_bias(l.handle->get(), &one, l.matrix.get(), da, &zero,
                                            l.row.get(), operands->bias_gradient.data()),
          "sum the columns");
    };
  };
  return entry;
}

}  // namespace hourglass::tools::lab
