#include <cstring>

#include "data/sha256.h"
#include "hourglass/data.h"
#include "support/catch.h"

namespace {

using namespace hourglass;

std::string hash_of(const Images& images) {
  return sha256({images.pixels, static_cast<std::size_t>(images.count * images.row_bytes())});
}

}  // namespace

TEST_CASE("strokes: the same bits on every machine") {
  CHECK(hash_of(draw_strokes(0, 1000, 1)) ==
        "da1e3f67aa077dbda9b89b22d82c508dce2770ed536715a6767ba4a025c952a0");
}

TEST_CASE("strokes: an image does not depend on the range it is drawn in") {
  const Images all = draw_strokes(0, 101, 1);
  for (const std::int64_t index : {0, 1, 49, 50, 51, 100}) {
    const Images one = draw_strokes(index, 1, 1);
    CHECK(std::memcmp(one.row(0), all.row(index), 784) == 0);
  }
  CHECK(hash_of(draw_strokes(0, 10, 1)) != hash_of(draw_strokes(0, 10, 2)));
  CHECK(hash_of(draw_strokes(0, 10, 1)) != hash_of(draw_strokes(10, 10, 1)));
}

TEST_CASE("strokes: about as empty as MNIST, every image holds ink") {
  const Images images = draw_strokes(0, 2000, 1);
  const ImagesInfo info = describe(images);
  CHECK(info.zero_share > 0.78);  // MNIST: 0.81
  CHECK(info.zero_share < 0.83);
  CHECK(info.max == 255.0);
  for (std::int64_t i = 0; i < images.count; ++i)
    REQUIRE(describe(images.slice(i, i + 1)).zero_share < 0.97);
}
