#include "cuda/covariance.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "cuda/cuda_engine.h"
#include "cuda/data_source.h"
#include "cuda/device_network.h"
#include "cuda/gemm.h"
#include "cuda/nvtx.h"
#include "hourglass/error.h"
#include "kernels/accumulate.h"

namespace hourglass::cuda {
namespace {

constexpr std::int64_t most_copy_bytes = std::int64_t{16} << 20;
constexpr std::int64_t most_copy_blocks = 16;

/// Images that are copied at once: whole blocks of them.
std::int64_t images_a_copy(const Images& images) {
  const std::int64_t block_bytes = exact_sum_images * images.row_bytes();
  return exact_sum_images *
         std::clamp<std::int64_t>(most_copy_bytes / block_bytes, 1, most_copy_blocks);
}

/// X holds a block of images, and a column of ones beside them: X^T X then has the products of all
/// pairs of pixels and, in the ones' column, the sum of every pixel. In single precision for a
/// block (exact for bytes), added up in double.
class Covariance {
 public:
  explicit Covariance(const Images& images);
  ~Covariance() {
    // Copies that an error left under way still use the host's memory below.
    if (under_way_) static_cast<void>(cudaStreamSynchronize(stream_.get()));
  }
  Covariance(const Covariance&) = delete;
  Covariance& operator=(const Covariance&) = delete;

  [[nodiscard]] Moments run();

 private:
  /// Room for images on their way.
  struct Slot {
    std::optional<StreamedBlock> images;
    Event done;
    bool used = false;
  };

  void prepare();
  void write_ones();
  /// Copies images [first, first + count) and enqueues their sums.
  void add(Slot& slot, std::int64_t first, std::int64_t count);
  void add_block(const std::byte* pixels, std::int64_t count);

  Images images_;
  std::int64_t ones_;    // the column of ones
  std::int64_t stride_;  // of X; columns beyond the ones are zero
  Stream stream_;
  MemoryBudget budget_;
  DeviceBuffer<std::byte> workspace_;
  DeviceBuffer<float> block_;    // X (exact_sum_images, stride)
  DeviceBuffer<float> product_;  // (stride, stride)
  DeviceBuffer<double> sums_;    // (stride, stride)
  std::array<Slot, 2> slots_;
  std::vector<double> host_sums_;  // (stride, stride)
  std::optional<Gemm> products_;
  int product_number_ = -1;
  bool under_way_ = false;
};

Covariance::Covariance(const Images& images)
    : images_(images), ones_(images.width()), stride_(row_stride<float>(images.width() + 1)) {
  budget_.add(workspace_, "workspace of products", Gemm::workspace_bytes());
  budget_.add(block_, "images whose covariance is wanted", exact_sum_images * stride_);
  budget_.add(product_, "products of pixels", stride_ * stride_);
  budget_.add(sums_, "sums of products of pixels", stride_ * stride_);
  for (Slot& slot : slots_)
    slot.images.emplace(images_a_copy(images) * images.row_bytes(), budget_);
}

void Covariance::prepare() {
  under_way_ = true;
  budget_.take(stream_.get());
  products_.emplace(Arithmetic::fp32, workspace_.data());
  Product product;
  product.rows = product.columns = stride_;
  product.depth = exact_sum_images;
  product.a_transposed = true;
  product.a = product.b = block_.data();
  product.c = product_.data();
  product.a_stride = product.b_stride = product.c_stride = stride_;
  product_number_ = products_->prepare(product, stream_.get());
  for (Slot& slot : slots_) slot.images->pin();
}

void Covariance::write_ones() {
  // Kept for good: nothing has to wait for the copy.
  static const std::vector<float> ones(static_cast<std::size_t>(exact_sum_images), 1.0F);
  kernels::check(
      cudaMemcpy2DAsync(block_.data() + ones_, static_cast<std::size_t>(stride_) * sizeof(float),
                        ones.data(), sizeof(float), sizeof(float), ones.size(),
                        cudaMemcpyHostToDevice, stream_.get()),
      "copy a column of ones to the device");
}

void Covariance::add_block(const std::byte* pixels, std::int64_t count) {
  kernels::GatherArgs gather;
  gather.pixels = pixels;
  gather.type = images_.type;
  gather.images = gather.batch = count;
  gather.width = images_.width();
  gather.in_order = true;
  gather.stride = stride_;
  gather.byte_unit = 1.0F;
  kernels::gather(block_.data(), gather, stream_.get());
  // Rows of no image, in the last block: their ones count for nothing.
  if (count < exact_sum_images)
    clear(block_.data() + count * stride_, (exact_sum_images - count) * stride_, stream_.get());
  products_->run(product_number_, stream_.get());
  kernels::accumulate(sums_.data(), product_.data(), sums_.size(), stream_.get());
}

void Covariance::add(Slot& slot, std::int64_t first, std::int64_t count) {
  if (slot.used) slot.done.synchronize();
  const std::int64_t bytes = count * images_.row_bytes();
  std::memcpy(slot.images->host(), images_.row(first), static_cast<std::size_t>(bytes));
  slot.images->send(bytes, stream_.get(), stream_.get());
  for (std::int64_t done = 0; done < count; done += exact_sum_images)
    add_block(slot.images->device() + done * images_.row_bytes(),
              std::min(exact_sum_images, count - done));
  slot.done.record(stream_.get());
  slot.used = true;
}

Moments Covariance::run() {
  const NvtxRange range("covariance");
  prepare();
  write_ones();
  const std::int64_t step = images_a_copy(images_);
  std::size_t turn = 0;
  for (std::int64_t first = 0; first < images_.count; first += step, turn ^= 1)
    add(slots_[turn], first, std::min(step, images_.count - first));
  host_sums_.resize(static_cast<std::size_t>(sums_.size()));
  download(host_sums_.data(), sums_.data(), sums_.size(), stream_.get());
  stream_.synchronize();
  under_way_ = false;
  const auto sum = [&](std::int64_t i, std::int64_t j) {
    return host_sums_[static_cast<std::size_t>(i * stride_ + j)];
  };
  return moments_of_sums(
      images_, [&](std::int64_t i) { return sum(i, ones_); }, sum);
}

}  // namespace

std::optional<Moments> image_moments(const Images& images, int index) {
  require_cuda_device(index);
  kernels::check(cudaSetDevice(index), "select the device");
  try {
    Covariance covariance(images);
    return covariance.run();
  } catch (const Error& error) {  // the device has no room for it, of whatever kind
    if (error.code() != ExitCode::device) throw;
    return std::nullopt;
  }
}

}  // namespace hourglass::cuda
