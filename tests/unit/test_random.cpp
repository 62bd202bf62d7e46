#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "hourglass/random.h"
#include "support/catch.h"

using namespace hourglass;

TEST_CASE("Philox gives the published words") {
  // Known answers of Philox4x32-10 from the Random123 distribution (kat_vectors); its four counter
  // words are (index low, index high, purpose, sub-index) here.
  const auto zeros = philox(0, static_cast<Purpose>(0), 0, 0);
  CHECK(zeros == std::array<std::uint32_t, 4>{0x6627E8D5U, 0xE169C58DU, 0xBC57AC4CU, 0x9B00DBD8U});
  const auto ones =
      philox(~std::uint64_t{0}, static_cast<Purpose>(0xFFFFFFFFU), ~std::uint64_t{0}, 0xFFFFFFFFU);
  CHECK(ones == std::array<std::uint32_t, 4>{0x408F276DU, 0x41C83B0EU, 0xA20BC7C6U, 0x6D5451FDU});
  const auto pi = philox(0x299F31D0A4093822U, static_cast<Purpose>(0x13198A2EU),
                         0x85A308D3243F6A88U, 0x03707344U);
  CHECK(pi == std::array<std::uint32_t, 4>{0xD16CFE09U, 0x94FDCCEBU, 0x5001E420U, 0x24126EA1U});
}

TEST_CASE("unit_interval stays inside (0, 1)") {
  CHECK(unit_interval(0, 0) > 0.0);
  CHECK(unit_interval(0xFFFFFFFFU, 0xFFFFFFFFU) < 1.0);
}

TEST_CASE("permutations are bijections that depend on seed and epoch") {
  for (const std::uint64_t size : {1, 2, 3, 5, 16, 17, 150, 1000, 4097}) {
    for (const std::uint64_t epoch : {0, 1}) {
      const Permutation permutation(7, epoch, size);
      std::vector<bool> seen(size, false);
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t image = permutation(i);
        REQUIRE(image < size);
        REQUIRE_FALSE(seen[image]);
        seen[image] = true;
      }
    }
  }
  const auto order = [](std::uint64_t seed, std::uint64_t epoch) {
    std::vector<std::uint64_t> list(1000);
    for (std::uint64_t i = 0; i < 1000; ++i) list[i] = Permutation(seed, epoch, 1000)(i);
    return list;
  };
  CHECK(order(1, 0) != order(2, 0));
  CHECK(order(1, 0) != order(1, 1));
}

TEST_CASE("a permutation keeps its golden values") {
  const Permutation permutation(42, 3, 55'000);
  std::array<std::uint64_t, 4> found{};
  for (std::uint64_t i = 0; i < found.size(); ++i) found[i] = permutation(i);
  CHECK(found == std::array<std::uint64_t, 4>{25763U, 27408U, 29913U, 54476U});
}

TEST_CASE("a permutation mixes: neighbours land far apart") {
  constexpr std::uint64_t size = 10'000;
  const Permutation permutation(0, 0, size);
  double distance = 0;
  for (std::uint64_t i = 1; i < size; ++i)
    distance +=
        std::abs(static_cast<double>(permutation(i)) - static_cast<double>(permutation(i - 1)));
  distance /= size - 1;
  // The mean distance of two random places is size / 3; its standard error here is below 30.
  CHECK(std::abs(distance - size / 3.0) < 150.0);
}

TEST_CASE("the stream shows every image once an epoch, whatever the batch") {
  for (const std::uint64_t images : {1, 5, 150, 151, 1000}) {
    for (const std::uint64_t batch : {1, 7, 150, 333}) {  // also larger than the set
      const BatchStream stream(3, images, batch);
      std::vector<std::uint64_t> order;
      const std::uint64_t steps = (3 * images + batch - 1) / batch;
      for (std::uint64_t step = 0; step < steps; ++step) {
        stream.visit(step, 0, batch, [&](std::uint64_t i, std::uint64_t image) {
          REQUIRE(step * batch + i == order.size());
          order.push_back(image);
        });
      }
      for (std::uint64_t epoch = 0; epoch < 3; ++epoch) {
        std::vector<std::uint64_t> part(
            order.begin() + static_cast<std::ptrdiff_t>(epoch * images),
            order.begin() + static_cast<std::ptrdiff_t>((epoch + 1) * images));
        std::ranges::sort(part);
        std::vector<std::uint64_t> all(images);
        std::iota(all.begin(), all.end(), 0);
        REQUIRE(part == all);
      }
    }
  }
}

TEST_CASE("part of a batch is the same images as in the whole of it") {
  const BatchStream stream(11, 100, 64);
  std::vector<std::uint64_t> whole;
  stream.visit(1, 0, 64, [&](std::uint64_t, std::uint64_t image) { whole.push_back(image); });
  std::vector<std::uint64_t> parts;
  for (const auto& [first, last] : {std::pair{0, 10}, std::pair{10, 11}, std::pair{11, 64}})
    stream.visit(1, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last),
                 [&](std::uint64_t, std::uint64_t image) { parts.push_back(image); });
  CHECK(parts == whole);
}
