// The CUDA engine: see the files it is put together from.
//   cuda_engine       the class behind the seam; device_status: is there a device at all
//   launches          steps in blocks, as graphs or one by one; their inputs and reports
//   training_step     what one step puts into the streams
//   device_network    parameters, moments and gradients on the device
//   data_source       training images: resident, or streamed through pinned memory
//   forward_pass      evaluation, encode and decode, a block of rows at a time
//   covariance        beside the engine: the moments of images that principal components come from
//   gemm              matrix products: cuBLASLt, or a plain twin under the emulator;
//                     algorithm_cache pins what cuBLASLt was seen to be fastest with
//   device_buffer, pinned_buffer, stream, event, graph, memory_budget    CUDA's objects, owned
// Plain C++: no CUDA types here. no_cuda.cpp stands in where the build has no CUDA toolkit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hourglass/engine.h"

namespace hourglass::cuda {

/// Arithmetic of the matrix products. Parameters, moments and sums are in single precision always.
enum class Arithmetic {
  tf32,  // operands rounded to 10 bits of mantissa inside the tensor cores
  fp32,
  bf16,  // activations, gradients of outputs and a copy of the weights in bf16
};

/// Where the training images are.
enum class Placement {
  automatic,  // resident if they fit
  resident,   // on the device
  stream,     // on the host; each step's images are copied while earlier steps run
};

/// What applies bias and activation, and their derivatives: the project's kernels, or cuBLASLt
/// inside its products (ReLU layers, fp32 and tf32 only). Layers whose products cuBLASLt cannot
/// fuse keep the kernels; EngineInfo::device has the number of those that it fuses.
enum class Epilogues { kernels, fused };

struct CudaOptions {
  int device = 0;
  Arithmetic arithmetic = Arithmetic::tf32;
  Placement placement = Placement::automatic;
  Epilogues epilogues = Epilogues::kernels;
  bool graphs = true;
  std::int64_t forward_rows = 4096;  // images at a time in evaluation and forward
  /// Steps [profile_first, profile_last) between the CUDA profiler's start and stop; none if empty.
  std::int64_t profile_first = 0;
  std::int64_t profile_last = 0;
};

struct CudaDevice {
  std::string name;
  int major = 0;  // compute capability
  int minor = 0;
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
};

/// bf16 and tf32 came with compute capability 8.0.
inline constexpr int least_major = 8;

/// Whether this build has the engine at all.
[[nodiscard]] bool built_with_cuda();

/// What this process can use. Where `devices` is empty, `problem` says why: no CUDA in the build,
/// no driver, a driver that is too old, the stub library, no device or hidden ones, no cuBLASLt.
struct CudaStatus {
  std::vector<CudaDevice> devices;
  std::string problem;
  std::string remedy;
};

/// Looks for devices. Neither throws nor prints.
[[nodiscard]] CudaStatus cuda_device_status();

/// Throws DeviceError, saying which case it is, unless device `index` can run the engine.
void require_cuda_device(int index);

/// An engine for `plan` on a device. With no training images (count 0) it serves evaluation and
/// forward only. Same binary, GPU, plan and pinned product algorithms: same bits, resident or
/// streamed, with and without graphs; forward and evaluate: the same bits for as many rows. Throws
/// DeviceError when the device is not there or its memory too small, UsageError for options that do
/// not go together. After any error from the device the engine refuses further work.
[[nodiscard]] std::unique_ptr<Engine> make_cuda_engine(const TrainingPlan& plan,
                                                       const CudaOptions& options);

}  // namespace hourglass::cuda
