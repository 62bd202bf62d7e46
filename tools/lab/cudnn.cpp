#include "lab/cudnn.h"

#include <dlfcn.h>

#include <type_traits>

namespace hourglass::tools::lab {
namespace {

struct Loaded {
  Cudnn functions;
  std::string problem;
};

/// The version that the headers describe: functions and structures of another may differ.
std::string file_name() { return "libcudnn.so." + std::to_string(CUDNN_MAJOR); }

std::string last_error() {
  const char* const text = dlerror();
  return text == nullptr ? "" : text;
}

Loaded load() {
  Loaded loaded;
  // Never closed: it registers what runs at the process's end.
  void* const library = dlopen(file_name().c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.problem = "no " + file_name() + " that can be loaded: " + last_error();
    return loaded;
  }
  const auto find = [&](auto& function, const char* name) {
    void* const address = dlsym(library, name);
    if (address == nullptr) loaded.problem = file_name() + " without the function " + name;
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
  };
  Cudnn& f = loaded.functions;
  find(f.error_string, "cudnnGetErrorString");
  find(f.create, "cudnnCreate");
  find(f.destroy, "cudnnDestroy");
  find(f.set_stream, "cudnnSetStream");
  find(f.tensor_create, "cudnnCreateTensorDescriptor");
  find(f.tensor_destroy, "cudnnDestroyTensorDescriptor");
  find(f.tensor_set, "cudnnSetTensor4dDescriptorEx");
  find(f.activation_create, "cudnnCreateActivationDescriptor");
  find(f.activation_destroy, "cudnnDestroyActivationDescriptor");
  find(f.activation_set, "cudnnSetActivationDescriptor");
  find(f.add_tensor, "cudnnAddTensor");
  find(f.activation_forward, "cudnnActivationForward");
  find(f.activation_backward, "cudnnActivationBackward");
  find(f.convolution_backward_bias, "cudnnConvolutionBackwardBias");
  return loaded;
}

const Loaded& loaded() {
  static const Loaded library = load();
  return library;
}

}  // namespace

std::string cudnn_problem() { return loaded().problem; }

const Cudnn& cudnn() {
  if (!loaded().problem.empty()) throw Unavailable("cuDNN: " + loaded().problem);
  return loaded().functions;
}

}  // namespace hourglass::tools::lab
