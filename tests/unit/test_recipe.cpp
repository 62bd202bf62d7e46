#include "hourglass/error.h"
#include "hourglass/recipe.h"
#include "support/catch.h"

using namespace hourglass;

TEST_CASE("the tutorial preset is the tutorial's recipe") {
  const Recipe recipe = preset("tutorial");
  const NetworkSpec network = recipe.network(784);
  CHECK(network.widths == std::vector<std::int64_t>{784, 392, 196, 392, 784});
  for (const Activation activation : network.activations) CHECK(activation == Activation::relu);
  CHECK(recipe.init == Initialisation::variance_scaling);
  CHECK(recipe.optimizer.learning_rate == 0.01);
  CHECK(recipe.optimizer.beta1 == 0.9);
  CHECK(recipe.optimizer.beta2 == 0.999);
  CHECK(recipe.optimizer.epsilon == 1e-8);
  CHECK(recipe.optimizer.form == AdamForm::tensorflow);
  CHECK(recipe.optimizer.schedule == Schedule::constant);
  CHECK(recipe.batch == 150);
  CHECK(recipe.epochs * recipe.steps_per_epoch(55'000) == 5 * 366);
}

TEST_CASE("presets scale with the width of the data") {
  CHECK(preset("principal").network(2500).widths ==
        std::vector<std::int64_t>{2500, 1250, 625, 1250, 2500});
  CHECK(preset("hinton06").network(625).widths ==
        std::vector<std::int64_t>{625, 1000, 500, 250, 30, 250, 500, 1000, 625});
  for (std::int64_t width = 4; width < 64; ++width)
    CHECK_NOTHROW(preset("principal").network(width));
  CHECK(preset("principal").steps_per_epoch(5) == 1);
}

TEST_CASE("a recipe survives its JSON") {
  Recipe recipe = preset("hinton06");
  recipe.seed = 0xFFFFFFFFFFFFFFFFU;
  recipe.optimizer.learning_rate = 1.0 / 3.0;
  recipe.widths = {10, 4, 10};
  recipe.optimizer.total_steps = 77;
  const Recipe back = recipe_from_json(to_json(recipe), Recipe{});
  CHECK(to_json(back) == to_json(recipe));
  CHECK(back.seed == recipe.seed);
  CHECK(back.optimizer.learning_rate == recipe.optimizer.learning_rate);
}

TEST_CASE("a configuration with a mistake is refused with the key's name") {
  const auto refuses = [](const char* text, const char* part) {
    CHECK_THROWS_WITH(recipe_from_json(text, Recipe{}), Catch::Contains(part));
  };
  refuses("{\"bacth\": 3}", "Did you mean 'batch'?");
  refuses("{\"batch\": \"many\"}", "key 'batch'");
  refuses("{\"batch\": 1.5}", "whole number");
  refuses("{\"hidden\": \"rellu\"}", "Did you mean 'relu'?");
  refuses("[1, 2]", "not a JSON object");
  refuses("{\"batch\": ", "not a JSON object");
  refuses("{\"widths\": [0, 3]}", "key 'widths'");
  CHECK_THROWS_AS(preset("tutorail"), UsageError);
  Recipe recipe;
  recipe.batch = 0;
  CHECK_THROWS_AS(recipe.validate(), UsageError);
  recipe = Recipe{};
  recipe.widths = {784};
  CHECK_THROWS_AS(recipe.validate(), UsageError);
  recipe.widths = {100, 50, 100};
  CHECK_THROWS_WITH(recipe.network(784), Catch::Contains("784 pixels"));
}
