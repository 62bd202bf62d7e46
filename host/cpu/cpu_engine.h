// The CPU engine: see the files it is put together from.
//   engine_frame      batches, reports, evaluation; the class behind the seam
//   passes            what the frame asks of the arithmetic
//   fused_passes      the project's kernels, fp32, and bf16 where the CPU has no instructions for
//                     it: data_pass (chunks of rows forward and back),
//                     weight_pass (weight gradients and Adam, by panels), layer (weights in
//                     panels), live_columns (units that are not zero)
//   library_passes    oneDNN's products, fp32 or bf16
//   kernels, simd/    the arithmetic, once for every instruction set
//   thread_pool       threads that share a step's work
#pragma once

#include <memory>
#include <optional>

#include "cpu/kernels.h"
#include "hourglass/engine.h"

namespace hourglass::cpu {

struct CpuOptions {
  int threads = 0;  // 0: as many as the process may use
  Precision precision = Precision::fp32;
  std::optional<bool> library;       // oneDNN's products; unset: only for native bf16
  const Kernels* kernels = nullptr;  // null: the best this CPU has
  std::optional<bool> sparse_input;  // unset: decided by the density of the training images
  bool skip_zeros = true;            // leave out units that are zero for all images of a batch
};

/// Share of pixels that are not zero, over a sample of at most 1,000 images spread over the set; 1
/// for an empty set.
[[nodiscard]] double density(const Images& images);

/// Whether so few pixels are lit that the sparse first layer is the faster one.
[[nodiscard]] bool is_sparse(const Images& images);

/// An engine for `plan`. With no training images (count 0) it serves evaluation and forward only.
/// Same binary, CPU and plan: same bits, whatever the number of threads, except for oneDNN's
/// products. bf16 runs on every CPU: by oneDNN where there are such instructions; else operands are
/// rounded to bf16 and multiplied in fp32.
[[nodiscard]] std::unique_ptr<Engine> make_cpu_engine(const TrainingPlan& plan,
                                                      const CpuOptions& options);

}  // namespace hourglass::cpu
