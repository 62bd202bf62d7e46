#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "hourglass/optimizer.h"
#include "kernels/adam.h"
#include "kernels/device_matrix.h"
#include "kernels/kernel_cases.h"
#include "support/catch.h"
#include "support/numbers.h"
#include "support/tolerance.h"

using namespace hourglass;
using kernels::Bf16;
using test::DeviceArray;
using test::DeviceMatrix;

namespace {

struct Shape {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t row_blocks = 1;
};

/// An arena of layers with numbers in it, and one step of Adam on it.
struct Problem {
  std::vector<Shape> layers;
  std::int64_t offset = 0;     // of the arenas' addresses
  std::int64_t copy_pad = -1;  // columns beyond `in` of the bf16 copies; -1: none
  std::vector<std::uint32_t> magnitudes;
  std::int64_t batch = 10;
  AdamStep step = adam_step(OptimizerSpec{}, 3);
  std::vector<float> w, m, v, g;             // arenas
  std::vector<std::vector<float>> partials;  // (row_blocks, out) of each layer

  explicit Problem(std::vector<Shape> shapes, std::uint64_t seed = 1) : layers(std::move(shapes)) {
    const auto take = [&](std::int64_t count, std::uint64_t part) {
      auto values = test::small_whole_numbers(count, 5 * seed + part);
      // Not whole: every operation rounds.
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = (values[i] + 0.37F * static_cast<float>(i % 11)) * 0.013F;
      return values;
    };
    w = take(count(), 1);
    m = take(count(), 2);
    v = take(count(), 3);
    for (float& x : v) x = std::abs(x);
    g = take(count(), 4);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      partials.push_back(take(layers[l].row_blocks * layers[l].out, 5 + l));
      // Bias places of the weight gradients are not to be used.
      std::fill_n(g.begin() + bias(l), layers[l].out, test::poison);
    }
    magnitudes.assign(2 * layers.size(), std::bit_cast<std::uint32_t>(1.0F));
  }

  [[nodiscard]] std::int64_t weight(std::size_t layer) const {
    std::int64_t place = 0;
    for (std::size_t l = 0; l < layer; ++l) place += (layers[l].in + 1) * layers[l].out;
    return place;
  }
  [[nodiscard]] std::int64_t bias(std::size_t layer) const {
    return weight(layer) + layers[layer].in * layers[layer].out;
  }
  [[nodiscard]] std::int64_t count() const { return weight(layers.size()); }
};

struct AdamResult {
  std::vector<float> w, m, v;
  std::vector<std::vector<float>> copies;
  std::int32_t nonfinite_layer = 0;
  std::int64_t skipped = 0;
  bool touched = false;
};

AdamResult run(const Problem& p) {
  const DeviceArray<float> w(p.w, p.offset);
  const DeviceArray<float> m(p.m, p.offset);
  const DeviceArray<float> v(p.v, p.offset);
  const DeviceArray<float> g(p.g, p.offset);
  std::vector<std::unique_ptr<DeviceArray<float>>> partials;
  std::vector<std::unique_ptr<DeviceMatrix<Bf16>>> copies;
  std::vector<kernels::AdamLayer> table;
  for (std::size_t l = 0; l < p.layers.size(); ++l) {
    const Shape& shape = p.layers[l];
    kernels::AdamLayer layer;
    layer.weight = p.weight(l);
    layer.bias = p.bias(l);
    layer.in = shape.in;
    layer.out = shape.out;
    layer.row_blocks = shape.row_blocks;
    partials.push_back(std::make_unique<DeviceArray<float>>(p.partials[l]));
    layer.bias_partials = partials.back()->data();
    if (p.copy_pad >= 0) {
      const test::Layout layout{shape.out, shape.in, shape.in + p.copy_pad, 0};
      copies.push_back(std::make_unique<DeviceMatrix<Bf16>>(layout));
      layer.weight_copy = copies.back()->data();
      layer.copy_stride = layout.stride;
    }
    table.push_back(layer);
  }
  const DeviceArray<kernels::AdamLayer> layers(table);
  const DeviceArray<AdamStep> schedule(std::vector<AdamStep>{AdamStep{}, p.step});
  const DeviceArray<std::uint32_t> magnitudes(p.magnitudes);
  const DeviceArray<std::int32_t> nonfinite_layer(1);
  const DeviceArray<std::int64_t> skipped(std::vector<std::int64_t>{7});
  kernels::AdamArgs args;
  args.parameters = w.data();
  args.first_moment = m.data();
  args.second_moment = v.data();
  args.weight_gradients = g.data();
  args.layers = layers.data();
  args.layer_count = static_cast<int>(p.layers.size());
  args.count = p.count();
  args.schedule = schedule.data();
  args.offset = 1;
  args.magnitudes = magnitudes.data();
  args.batch = p.batch;
  args.nonfinite_layer = nonfinite_layer.data();
  args.skipped = skipped.data();
  kernels::adam(args, nullptr);
  AdamResult result{w.get(), m.get(), v.get(), {}, nonfinite_layer.get()[0], skipped.get()[0] - 7,
                    false};
  for (const auto& copy : copies) result.copies.push_back(copy->get(result.touched));
  return result;
}

/// The same with plain loops over the formulas of optimizer.h.
AdamResult expected_of(const Problem& p) {
  AdamResult r{p.w, p.m, p.v, {}, -1, 0, false};
  std::vector<float> g = p.g;
  for (std::size_t l = 0; l < p.layers.size(); ++l)
    for (std::int64_t unit = 0; unit < p.layers[l].out; ++unit) {
      float sum = 0;
      for (std::int64_t block = 0; block < p.layers[l].row_blocks; ++block)
        sum += p.partials[l][static_cast<std::size_t>(block * p.layers[l].out + unit)];
      g[static_cast<std::size_t>(p.bias(l) + unit)] = sum;
    }
  for (std::size_t i = 0; i < g.size(); ++i) {
    r.m[i] += p.step.one_minus_beta1 * (g[i] - r.m[i]);
    r.v[i] += p.step.one_minus_beta2 * (g[i] * g[i] - r.v[i]);
    r.w[i] -= p.step.rate * r.m[i] / (std::sqrt(r.v[i]) + p.step.epsilon);
  }
  for (std::size_t l = 0; p.copy_pad >= 0 && l < p.layers.size(); ++l) {
    std::vector<float> copy(r.w.begin() + p.weight(l), r.w.begin() + p.bias(l));
    for (float& x : copy) x = test::rounded<Bf16>(x);
    r.copies.push_back(copy);
  }
  return r;
}

std::string difference_of(const AdamResult& found, const AdamResult& expected) {
  std::string text = test::first_difference(found.w, expected.w);
  text += test::first_difference(found.m, expected.m);
  text += test::first_difference(found.v, expected.v);
  for (std::size_t l = 0; l < expected.copies.size(); ++l)
    text += test::first_difference(found.copies[l], expected.copies[l]);
  if (found.touched) text += " padding written";
  if (found.nonfinite_layer != expected.nonfinite_layer) text += " wrong report";
  if (found.skipped != expected.skipped) text += " wrong count of skipped steps";
  return text;
}

void adam_cases(const char* kernel, bool copies) {
  test::ExactCases cases(kernel);
  test::for_each_shape([&](std::int64_t out, std::int64_t in, std::uint64_t variant) {
    const auto blocks = static_cast<std::int64_t>(variant % 11) + 1;
    // A small layer before and behind it: borders at every remainder of 4.
    const auto more = static_cast<std::int64_t>(variant % 4) + 1;
    Problem problem({{more, 1, 2}, {in, out, blocks}, {2, more, 1}}, variant);
    problem.offset = variant % 5 == 4 ? 1 : 0;
    if (copies) problem.copy_pad = variant % 3 == 0 ? 0 : (8 - in % 8) % 8;
    cases.add(test::shape_text(out, in, variant),
              difference_of(run(problem), expected_of(problem)));
  });
}

}  // namespace

TEST_CASE("adam has the bits of the plain loops") { adam_cases("adam", false); }
TEST_CASE("adam with bf16 copies has the bits of the plain loops") {
  adam_cases("adam with copies", true);
}

TEST_CASE("adam agrees with double") {
  const Problem p({{33, 17, 3}, {17, 5, 1}});
  const AdamResult found = run(p);
  for (std::size_t i = 0; i < 33 * 17; ++i) {
    const double g = p.g[i];
    const double m = p.m[i] + double{p.step.one_minus_beta1} * (g - p.m[i]);
    const double v = p.v[i] + double{p.step.one_minus_beta2} * (g * g - p.v[i]);
    const double change = double{p.step.rate} * m / (std::sqrt(v) + double{p.step.epsilon});
    const double m_scale = std::abs(p.m[i]) + std::abs(g);
    CHECK(test::error_in_u(found.m[i], m, m_scale) <= test::blas_threshold);
    CHECK(test::error_in_u(found.v[i], v, std::abs(p.v[i]) + g * g) <= test::blas_threshold);
    const double w_scale = std::abs(p.w[i]) + std::abs(change) * m_scale / std::abs(m);
    CHECK(test::error_in_u(found.w[i], p.w[i] - change, w_scale) <= test::blas_threshold);
  }
}

TEST_CASE("adam skips a step with a number that is not finite, all tensors or none") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const std::vector<Shape> shapes{{5, 40, 2}, {40, 30, 2}, {30, 7, 3}};
  const std::uint32_t large = std::bit_cast<std::uint32_t>(1e19F);
  const std::uint32_t nan = std::bit_cast<std::uint32_t>(test::poison) & 0x7FFFFFFFU;
  const std::uint32_t inf = std::bit_cast<std::uint32_t>(infinity);
  struct Case {
    std::size_t place;  // 0..2 outputs, 3..5 gradients
    std::uint32_t bits;
    std::int32_t layer;
  };
  // A gradient of 1e19 times a batch of 10 cannot be squared; an output of 1e19 spoils the layer
  // above, whose input it is.
  for (const Case& c : {Case{0, nan, 0}, Case{1, inf, 1}, Case{2, nan, 2}, Case{3, nan, 0},
                        Case{4, inf, 1}, Case{5, large, 2}, Case{3, large, 0}, Case{1, large, 2},
                        Case{0, large, 1}, Case{2, large, -1}}) {
    Problem p(shapes);
    p.copy_pad = 2;
    p.magnitudes[c.place] = c.bits;
    const AdamResult found = run(p);
    INFO("place " << c.place << " bits " << c.bits);
    CHECK(found.nonfinite_layer == c.layer);
    if (c.layer < 0) {
      CHECK(difference_of(found, expected_of(p)) == "");
      continue;
    }
    CHECK(found.skipped == 1);
    CHECK(found.w == p.w);
    CHECK(found.m == p.m);
    CHECK(found.v == p.v);
    for (const auto& copy : found.copies)
      CHECK(std::all_of(copy.begin(), copy.end(), [](float x) { return std::isnan(x); }));
  }
}

TEST_CASE("adam names outputs before gradients, the lowest output and the highest gradient") {
  const std::uint32_t inf = 0x7F800000U;
  std::vector<Shape> shapes(70, Shape{1, 1, 1});  // more layers than a warp has lanes
  Problem p(shapes);
  p.magnitudes[70 + 3] = inf;
  p.magnitudes[70 + 66] = inf;
  CHECK(run(p).nonfinite_layer == 66);
  p.magnitudes[35] = inf;
  p.magnitudes[67] = inf;
  CHECK(run(p).nonfinite_layer == 35);
  p.magnitudes[64] = inf;
  p.magnitudes[33] = inf;
  CHECK(run(p).nonfinite_layer == 33);
}

TEST_CASE("adam's bound uses the batch") {
  Problem p({{3, 4, 1}});
  p.magnitudes[1] = std::bit_cast<std::uint32_t>(1e18F);
  p.batch = 10;
  CHECK(run(p).nonfinite_layer == -1);
  p.batch = 100;
  CHECK(run(p).nonfinite_layer == 0);
}
