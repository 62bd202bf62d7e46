#include "initialise/covariance.h"

#include <algorithm>
#include <cstring>

#include "cpu/aligned_buffer.h"
#include "cpu/kernels.h"
#include "cpu/layer.h"
#include "cpu/thread_pool.h"

namespace hourglass {
namespace {

using cpu::AlignedBuffer;

/// Images [first, first + rows) as floats: 0..255 for u8 pixels, as they are otherwise.
void unpack(const Images& images, std::int64_t first, std::int64_t rows, float* out,
            std::int64_t stride, cpu::ThreadPool& pool) {
  const std::int64_t width = images.width();
  pool.run(rows, [&](std::int64_t row, int) {
    float* target = out + row * stride;
    const std::byte* source = images.row(first + row);
    if (images.type == PixelType::f32) {
      std::memcpy(target, source, static_cast<std::size_t>(width) * sizeof(float));
    } else {
      for (std::int64_t i = 0; i < width; ++i)
        target[i] = static_cast<float>(std::to_integer<int>(source[i]));
    }
  });
}

}  // namespace

Moments image_moments(const Images& images, int threads) {
  cpu::ThreadPool pool(threads);
  const cpu::Kernels& kernels = cpu::best_kernels();
  const std::int64_t width = images.width();
  const std::int64_t panel_width = kernels.panel_width;
  const std::int64_t panels = (width + panel_width - 1) / panel_width;
  const std::int64_t stride = cpu::row_stride(panels * panel_width);
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };

  AlignedBuffer<float> block(size(exact_sum_images * stride));
  std::vector<AlignedBuffer<float>> packed;
  std::vector<AlignedBuffer<float>> sums;
  for (int worker = 0; worker < threads; ++worker) {
    packed.emplace_back(size(exact_sum_images * panel_width));
    sums.emplace_back(size(panels * panel_width * panel_width));
  }
  // products[panel][row][column]: only rows up to the panel's last column, the rest is symmetric.
  std::vector<double> products(size(panels * panels * panel_width * panel_width), 0.0);
  std::vector<double> totals(size(panels * panel_width), 0.0);

  for (std::int64_t first = 0; first < images.count; first += exact_sum_images) {
    const std::int64_t rows = std::min(exact_sum_images, images.count - first);
    unpack(images, first, rows, block.data(), stride, pool);
    pool.run(panels, [&](std::int64_t panel, int worker) {
      float* const columns = packed[size(worker)].data();
      double* const total = totals.data() + panel * panel_width;
      for (std::int64_t row = 0; row < rows; ++row) {
        const float* source = block.data() + row * stride + panel * panel_width;
        std::memcpy(columns + row * panel_width, source, size(panel_width) * sizeof(float));
        for (std::int64_t c = 0; c < panel_width; ++c) total[c] += static_cast<double>(source[c]);
      }
      cpu::ProductArgs args;
      args.a = block.data();
      args.a_stride = stride;
      args.k_contiguous = false;
      args.rows = std::min((panel + 1) * panel_width, width);
      args.depth = rows;
      args.columns = panel_width;
      args.panel = columns;
      args.c = sums[size(worker)].data();
      args.c_stride = panel_width;
      kernels.product(args);
      double* const sum = products.data() + panel * panels * panel_width * panel_width;
      for (std::int64_t i = 0; i < args.rows * panel_width; ++i)
        sum[i] += static_cast<double>(args.c[i]);
    });
  }

  return moments_of_sums(
      images, [&](std::int64_t i) { return totals[size(i)]; },
      [&](std::int64_t i, std::int64_t j) {
        const std::int64_t panel = j / panel_width * panels * panel_width * panel_width;
        return products[size(panel + i * panel_width + j % panel_width)];
      });
}

}  // namespace hourglass
