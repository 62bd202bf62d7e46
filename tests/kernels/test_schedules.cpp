// The same bits whatever the order in which the emulator runs threads and blocks.
#include <bit>
#include <cstdint>
#include <vector>

#include "emulator/control.h"
#include "kernels/device_matrix.h"
#include "kernels/gather.h"
#include "kernels/kernel_cases.h"
#include "kernels/loss.h"
#include "kernels/metrics.h"
#include "support/catch.h"
#include "support/numbers.h"

using namespace hourglass;
using test::DeviceArray;

namespace {

/// Everything that the loss kernel and the sum behind it write, as bits.
std::vector<float> run_loss(std::int64_t rows, std::int64_t columns) {
  const auto count = static_cast<std::size_t>(rows * columns);
  const DeviceArray<float> z(test::uniform(count, 1));
  const DeviceArray<float> target(test::uniform(count, 2, 0.0, 1.0));
  const DeviceArray<float> bias(test::uniform(static_cast<std::size_t>(columns), 3));
  const DeviceArray<float> bias_partials(kernels::loss_row_blocks(rows) * columns);
  const DeviceArray<float> loss_partials(kernels::loss_partials(rows, columns));
  const DeviceArray<std::uint32_t> magnitudes(std::vector<std::uint32_t>{0, 0});
  const DeviceArray<double> sum(1);
  kernels::LossArgs args;
  args.z = z.data();
  args.bias = bias.data();
  args.target = target.data();
  args.rows = rows;
  args.columns = columns;
  args.z_stride = columns;
  args.stride = columns;
  args.scale = 0.125F;
  args.activation = Activation::tanh;
  args.bias_partials = bias_partials.data();
  args.loss_partials = loss_partials.data();
  args.output_magnitude = magnitudes.data();
  args.gradient_magnitude = magnitudes.data() + 1;
  kernels::loss(z.data(), args, nullptr);
  kernels::sum_partials(sum.data(), loss_partials.data(), kernels::loss_partials(rows, columns),
                        nullptr);
  std::vector<float> all = z.get();
  for (const auto& part : {bias_partials.get(), loss_partials.get()})
    all.insert(all.end(), part.begin(), part.end());
  for (const std::uint32_t bits : magnitudes.get()) all.push_back(std::bit_cast<float>(bits));
  all.push_back(static_cast<float>(sum.get()[0]));
  return all;
}

/// A batch of several images a block.
std::vector<float> run_gather(std::int64_t batch, std::int64_t width) {
  constexpr std::int64_t images = 40;
  const DeviceArray<float> pixels(test::uniform(static_cast<std::size_t>(images * width), 4));
  const DeviceArray<float> out(batch * width);
  const DeviceArray<std::int64_t> first_step(std::vector<std::int64_t>{3});
  kernels::GatherArgs args;
  args.pixels = pixels.data();
  args.type = PixelType::f32;
  args.images = images;
  args.width = width;
  args.seed = 1;
  args.batch = batch;
  args.first_step = first_step.data();
  args.stride = width;
  kernels::gather(out.data(), args, nullptr);
  return out.get();
}

std::vector<float> run_all() {
  std::vector<float> all = run_loss(77, 150);
  const std::vector<float> batch = run_gather(50, 65);
  all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

}  // namespace

TEST_CASE("twenty schedules of threads and blocks give the same bits") {
  emulator::reset(0);
  const std::vector<float> expected = run_all();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    emulator::reset(seed);
    INFO("seed " << seed);
    CHECK(test::first_difference(run_all(), expected) == "");
  }
  emulator::reset(0);
}
