// The CPU engine: see the files it is put together from.
//   thread_pool   threads that share a step's work
//   layer         weights in the kernels' layout
//   data_pass     images forward and back, by chunks of rows
//   weight_pass   weight gradients and Adam, by panels
//   kernels, simd/  the arithmetic, once for every instruction set
#pragma once

#include <memory>
#include <optional>

#include "cpu/kernels.h"
#include "hourglass/engine.h"

namespace hourglass::cpu {

struct CpuOptions {
  int threads = 0;  // 0: as many as the process may use
  Precision precision = Precision::fp32;
  const Kernels* kernels = nullptr;  // null: the best this CPU has
  std::optional<bool> sparse_input;  // unset: decided by the density of the training images
};

/// Share of pixels that are not zero, over a sample of at most 1,000 images spread over the set; 1
/// for an empty set.
[[nodiscard]] double density(const Images& images);

/// An engine for `plan`. With no training images (count 0) it serves evaluation and forward only.
/// Same binary, CPU and plan: same bits, whatever the number of threads.
[[nodiscard]] std::unique_ptr<Engine> make_cpu_engine(const TrainingPlan& plan,
                                                      const CpuOptions& options);

}  // namespace hourglass::cpu
