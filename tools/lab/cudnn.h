// What the lab and the GPU tests need of cuDNN: the library, loaded when it is first asked for, so
// that the command starts without it; owned handles and descriptors; checked calls. Its older
// interface: the one that has activations, bias addition and bias gradients as operations of their
// own.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <string>

#include "lab/unavailable.h"

namespace hourglass::tools::lab {

/// The library's functions by their names without the prefix.
struct Cudnn {
  decltype(&cudnnGetErrorString) error_string = nullptr;
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnDestroy) destroy = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnCreateTensorDescriptor) tensor_create = nullptr;
  decltype(&cudnnDestroyTensorDescriptor) tensor_destroy = nullptr;
  decltype(&cudnnSetTensor4dDescriptorEx) tensor_set = nullptr;
  decltype(&cudnnCreateActivationDescriptor) activation_create = nullptr;
  decltype(&cudnnDestroyActivationDescriptor) activation_destroy = nullptr;
  decltype(&cudnnSetActivationDescriptor) activation_set = nullptr;
  decltype(&cudnnAddTensor) add_tensor = nullptr;
  decltype(&cudnnActivationForward) activation_forward = nullptr;
  decltype(&cudnnActivationBackward) activation_backward = nullptr;
  decltype(&cudnnConvolutionBackwardBias) convolution_backward_bias = nullptr;
};

/// Why the library cannot be used; empty if it can. Loads it.
[[nodiscard]] std::string cudnn_problem();

/// The loaded library. Throws Unavailable where cudnn_problem() has something to say.
[[nodiscard]] const Cudnn& cudnn();

inline void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw Unavailable("cuDNN: " + std::string(what) + ": " + cudnn().error_string(status));
}

/// A cuDNN object: made by `create`, freed by `destroy`.
template <typename Handle, cudnnStatus_t (*Cudnn::*create)(Handle*),
          cudnnStatus_t (*Cudnn::*destroy)(Handle)>
class CudnnObject {
 public:
  CudnnObject() { check_cudnn((cudnn().*create)(&handle_), "create an object"); }
  ~CudnnObject() { static_cast<void>((cudnn().*destroy)(handle_)); }
  CudnnObject(const CudnnObject&) = delete;
  CudnnObject& operator=(const CudnnObject&) = delete;
  [[nodiscard]] Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};

using CudnnHandle = CudnnObject<cudnnHandle_t, &Cudnn::create, &Cudnn::destroy>;

/// A matrix (rows, columns) of floats; rows are images, columns channels of one pixel.
class CudnnMatrix {
 public:
  CudnnMatrix(std::int64_t rows, std::int64_t columns, std::int64_t stride) {
    check_cudnn(
        cudnn().tensor_set(tensor_.get(), CUDNN_DATA_FLOAT, static_cast<int>(rows),
                           static_cast<int>(columns), 1, 1, static_cast<int>(stride), 1, 1, 1),
        "describe a matrix");
  }
  [[nodiscard]] cudnnTensorDescriptor_t get() const { return tensor_.get(); }

 private:
  CudnnObject<cudnnTensorDescriptor_t, &Cudnn::tensor_create, &Cudnn::tensor_destroy> tensor_;
};

class CudnnActivation {
 public:
  explicit CudnnActivation(cudnnActivationMode_t mode) {
    check_cudnn(cudnn().activation_set(activation_.get(), mode, CUDNN_PROPAGATE_NAN, 0.0),
                "describe an activation");
  }
  [[nodiscard]] cudnnActivationDescriptor_t get() const { return activation_.get(); }

 private:
  CudnnObject<cudnnActivationDescriptor_t, &Cudnn::activation_create, &Cudnn::activation_destroy>
      activation_;
};

}  // namespace hourglass::tools::lab
