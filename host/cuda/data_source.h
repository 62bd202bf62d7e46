// Training images: on the device, or cut from the host's memory into batches as they are needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cpu/thread_pool.h"
#include "cuda/device_buffer.h"
#include "cuda/event.h"
#include "cuda/memory_budget.h"
#include "cuda/pinned_buffer.h"
#include "cuda/stream.h"
#include "hourglass/engine.h"
#include "kernels/gather.h"

namespace hourglass::cuda {

/// All images on the device, as they are in memory.
class ResidentImages {
 public:
  ResidentImages(const Images& images, MemoryBudget& budget) : images_(images) {
    budget.add(pixels_, "the training images", bytes_for(images));
  }
  [[nodiscard]] static std::int64_t bytes_for(const Images& images) {
    return images.count * images.row_bytes();
  }
  /// Copies the images and waits. Their pages are read from a mapped file where they come from one.
  void upload_all(cudaStream_t stream) {
    upload(pixels_.data(), images_.pixels, pixels_.size(), stream);
    kernels::check(cudaStreamSynchronize(stream), "copy the training images to the device");
  }
  [[nodiscard]] const std::byte* pixels() const { return pixels_.data(); }

 private:
  Images images_;
  DeviceBuffer<std::byte> pixels_;
};

/// Room for the images of one block of steps, on both sides.
class StreamedBlock {
 public:
  StreamedBlock(std::int64_t bytes, MemoryBudget& budget) : bytes_(bytes) {
    budget.add(device_, "streamed images", bytes);
  }
  StreamedBlock(const StreamedBlock&) = delete;
  StreamedBlock& operator=(const StreamedBlock&) = delete;

  void pin() { host_ = PinnedBuffer<std::byte>("streamed images", bytes_); }
  /// Where the host puts rows. Not while a copy is under way.
  [[nodiscard]] std::byte* host() { return host_.data(); }
  [[nodiscard]] const std::byte* device() const { return device_.data(); }
  /// Copies the first `bytes` in `copies`; `compute` waits for them. Steps that read the rows from
  /// before must be done.
  void send(std::int64_t bytes, cudaStream_t copies, cudaStream_t compute) {
    upload(device_.data(), host_.data(), bytes, copies);
    copied_.record(copies);
    copied_.block(compute);
  }

 private:
  std::int64_t bytes_;
  DeviceBuffer<std::byte> device_;
  PinnedBuffer<std::byte> host_;
  Event copied_;
};

/// Cuts batches on the host, with a few threads.
class BatchCutter {
 public:
  explicit BatchCutter(const TrainingPlan& plan);
  /// Rows of steps [first, first + count), step after step, into `out`.
  void cut(std::int64_t first, std::int64_t count, std::byte* out);
  [[nodiscard]] std::int64_t step_bytes() const { return batch_ * images_.row_bytes(); }

 private:
  Images images_;
  std::int64_t batch_;
  std::uint64_t seed_;
  cpu::ThreadPool pool_;
};

}  // namespace hourglass::cuda
