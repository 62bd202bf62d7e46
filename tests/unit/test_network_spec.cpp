#include <string>

#include "hourglass/error.h"
#include "hourglass/nearest.h"
#include "hourglass/network_spec.h"
#include "support/catch.h"

using namespace hourglass;

namespace {

NetworkSpec relu_network(std::vector<std::int64_t> widths) {
  const std::size_t layers = widths.size() - 1;
  return {std::move(widths), std::vector<Activation>(layers, Activation::relu)};
}

}  // namespace

TEST_CASE("widths are read whole or mirrored") {
  const std::vector<std::int64_t> expected{784, 392, 196, 392, 784};
  CHECK(parse_widths("784,392,196,392,784") == expected);
  CHECK(parse_widths("784-392-196") == expected);
  CHECK(parse_widths("784,100,50,300,784").size() == 5);  // a decoder of its own
  CHECK(parse_widths("784") == std::vector<std::int64_t>{784});
  for (const char* bad : {"784,392,196,392,100", "784,392,392", "784,900,20", "1,2", "", "0,1",
                          "784,", "784,,3", "-3", "abc", "784;3", "99999999999999999999"})
    CHECK_THROWS_AS(parse_widths(bad), UsageError);
}

TEST_CASE("the code is the narrowest hidden layer, the first of equals") {
  CHECK(relu_network({784, 392, 196, 392, 784}).encoder_layers() == 2);
  CHECK(relu_network({8, 4, 4, 8}).encoder_layers() == 1);
  CHECK(relu_network({3, 10, 5, 10, 3}).code_width() == 5);
}

TEST_CASE("the arena holds W then b, layer by layer") {
  const auto slots = parameter_layout(relu_network({5, 3, 5}));
  REQUIRE(slots.size() == 2);
  CHECK(slots[0].weight == 0);
  CHECK(slots[0].bias == 15);
  CHECK(slots[1].weight == 18);
  CHECK(slots[1].bias == 33);
  CHECK(relu_network({784, 392, 196, 392, 784}).parameter_count() == 770'084);
}

TEST_CASE("networks that make no sense are refused") {
  CHECK_THROWS_AS(relu_network({784, 784}).validate(), UsageError);
  CHECK_THROWS_AS(relu_network({784, 0, 784}).validate(), UsageError);
  CHECK_THROWS_AS(relu_network({784, 10, 785}).validate(), UsageError);
  CHECK_THROWS_AS((NetworkSpec{{4, 2, 4}, {Activation::relu}}.validate()), UsageError);
  CHECK_NOTHROW(relu_network({1, 1, 1}).validate());
}

TEST_CASE("unknown names suggest the nearest") {
  CHECK_THROWS_WITH(parse_activation("rellu"), Catch::Contains("Did you mean 'relu'?"));
  for (const Activation activation : all_activations)
    CHECK(parse_activation(name(activation)) == activation);
  const std::string_view names[]{"train", "eval"};
  CHECK(nearest_name("tarin", names) == "train");
  CHECK(nearest_name("xyzzy", names).empty());
}
