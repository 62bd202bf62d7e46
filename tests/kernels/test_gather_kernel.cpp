#include <cstdint>
#include <string>
#include <vector>

#include "hourglass/random.h"
#include "kernels/device_matrix.h"
#include "kernels/gather.h"
#include "kernels/kernel_cases.h"
#include "support/catch.h"

using namespace hourglass;
using kernels::Bf16;
using test::DeviceArray;
using test::DeviceMatrix;

namespace {

struct Batch {
  std::int64_t images = 0;
  std::int64_t batch = 0;
  std::int64_t width = 0;
  std::int64_t step = 0;
  bool in_order = false;
  std::uint64_t seed = 0;
  float byte_unit = 255.0F;
};

/// Image of every row, by the formula: number p = step * batch + row of the endless stream.
std::vector<std::int64_t> image_of_rows(const Batch& b) {
  std::vector<std::int64_t> images;
  for (std::int64_t row = 0; row < b.batch; ++row) {
    if (b.in_order) {
      images.push_back(row);
      continue;
    }
    const auto p = static_cast<std::uint64_t>(b.step * b.batch + row);
    const auto n = static_cast<std::uint64_t>(b.images);
    images.push_back(static_cast<std::int64_t>(Permutation(b.seed, p / n, n)(p % n)));
  }
  return images;
}

/// What is wrong with gather on this batch; empty if nothing is.
template <typename Pixel, typename Element>
std::string gather_problem(const Batch& b, std::uint64_t variant) {
  constexpr bool bytes = sizeof(Pixel) == 1;
  const auto values = test::byte_numbers(b.images * b.width, variant);
  std::vector<Pixel> pixels(values.begin(), values.end());
  // Pixel rows are dense; their address is aligned or not.
  const DeviceArray<Pixel> device_pixels(pixels, variant % 3 == 2 ? 1 : 0);
  const auto layout = test::make_layout(b.batch, b.width, variant);
  const DeviceMatrix<Element> out(layout);
  const std::int64_t offset = b.step / 2;
  const DeviceArray<std::int64_t> first_step(std::vector<std::int64_t>{b.step - offset});
  kernels::GatherArgs args;
  args.pixels = device_pixels.data();
  args.type = bytes ? PixelType::u8 : PixelType::f32;
  args.images = b.images;
  args.width = b.width;
  args.seed = b.seed;
  args.batch = b.batch;
  args.first_step = first_step.data();
  args.offset = offset;
  args.in_order = b.in_order;
  args.byte_unit = b.byte_unit;
  args.stride = layout.stride;
  kernels::gather(out.data(), args, nullptr);
  bool touched = false;
  const auto found = out.get(touched);
  std::vector<float> expected;
  expected.reserve(found.size());
  for (const std::int64_t image : image_of_rows(b))
    for (std::int64_t i = 0; i < b.width; ++i) {
      const float value = values[static_cast<std::size_t>(image * b.width + i)];
      expected.push_back(test::rounded<Element>(bytes ? value / b.byte_unit : value));
    }
  std::string problem = test::first_difference(found, expected);
  if (touched) problem += " padding written";
  return problem;
}

template <typename Pixel, typename Element>
void gather_cases(const char* kernel) {
  test::ExactCases cases(kernel);
  test::for_each_shape([&](std::int64_t batch, std::int64_t width, std::uint64_t variant) {
    Batch b;
    b.batch = batch;
    b.width = width;
    b.images = 1 + static_cast<std::int64_t>(variant * 13 % 61);
    b.step = static_cast<std::int64_t>(variant % 7);
    b.seed = variant;
    b.in_order = variant % 5 == 4;
    if (b.in_order) b.images = batch;
    b.byte_unit = variant % 3 == 1 ? 1.0F : 255.0F;
    cases.add(test::shape_text(batch, width, variant), gather_problem<Pixel, Element>(b, variant));
  });
}

}  // namespace

TEST_CASE("gather is exact, bytes to float") {
  gather_cases<std::uint8_t, float>("gather u8 to float");
}
TEST_CASE("gather is exact, bytes to bf16") {
  gather_cases<std::uint8_t, Bf16>("gather u8 to bf16");
}
TEST_CASE("gather is exact, floats to float") { gather_cases<float, float>("gather f32 to float"); }
TEST_CASE("gather is exact, floats to bf16") { gather_cases<float, Bf16>("gather f32 to bf16"); }

TEST_CASE("gather takes images over an epoch's end and far into a training") {
  Batch b;
  b.images = 50;
  b.batch = 30;
  b.width = 12;
  b.seed = 0xFEDCBA9876543210U;
  for (const std::int64_t step : {0, 1, 2, 3, 1'000'000'000})
    CHECK(gather_problem<std::uint8_t, float>(
              {b.images, b.batch, b.width, step, false, b.seed, b.byte_unit}, 0) == "");
  // Numbers of images beyond 32 bits.
  CHECK(gather_problem<std::uint8_t, float>({7, 30, 12, std::int64_t{1} << 40, false, 5, 255.0F},
                                            1) == "");
}
