// What the tests need of cuDNN: owned handles and descriptors, checked calls. Its older interface:
// the one that has activations, bias addition and bias gradients as operations of their own.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <string>

#include "hourglass/error.h"

namespace hourglass::test {

inline void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw DeviceError({"cuDNN: " + std::string(what), "success", cudnnGetErrorString(status),
                     "Build with HOURGLASS_CUDNN=OFF to leave it out."});
}

/// A cuDNN object: made by `create`, freed by `destroy`.
template <typename Handle, cudnnStatus_t (*create)(Handle*), cudnnStatus_t (*destroy)(Handle)>
class CudnnObject {
 public:
  CudnnObject() { check_cudnn(create(&handle_), "create an object"); }
  ~CudnnObject() { static_cast<void>(destroy(handle_)); }
  CudnnObject(const CudnnObject&) = delete;
  CudnnObject& operator=(const CudnnObject&) = delete;
  [[nodiscard]] Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};

using CudnnHandle = CudnnObject<cudnnHandle_t, cudnnCreate, cudnnDestroy>;

/// A matrix (rows, columns) of floats; rows are images, columns channels of one pixel.
class CudnnMatrix {
 public:
  CudnnMatrix(std::int64_t rows, std::int64_t columns, std::int64_t stride) {
    check_cudnn(cudnnSetTensor4dDescriptorEx(tensor_.get(), CUDNN_DATA_FLOAT,
                                             static_cast<int>(rows), static_cast<int>(columns), 1,
                                             1, static_cast<int>(stride), 1, 1, 1),
                "describe a matrix");
  }
  [[nodiscard]] cudnnTensorDescriptor_t get() const { return tensor_.get(); }

 private:
  CudnnObject<cudnnTensorDescriptor_t, cudnnCreateTensorDescriptor, cudnnDestroyTensorDescriptor>
      tensor_;
};

class CudnnActivation {
 public:
  explicit CudnnActivation(cudnnActivationMode_t mode) {
    check_cudnn(cudnnSetActivationDescriptor(activation_.get(), mode, CUDNN_PROPAGATE_NAN, 0.0),
                "describe an activation");
  }
  [[nodiscard]] cudnnActivationDescriptor_t get() const { return activation_.get(); }

 private:
  CudnnObject<cudnnActivationDescriptor_t, cudnnCreateActivationDescriptor,
              cudnnDestroyActivationDescriptor>
      activation_;
};

}  // namespace hourglass::test
