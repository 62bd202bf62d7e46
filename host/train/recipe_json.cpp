#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "hourglass/error.h"
#include "hourglass/nearest.h"
#include "hourglass/recipe.h"

namespace hourglass {
namespace {

using Json = nlohmann::ordered_json;

/// One key of the file: how it is written and how it is read.
struct Field {
  std::string_view key;
  std::function<Json(const Recipe&)> write;
  std::function<void(const Json&, Recipe&)> read;
};

/// A number of the recipe; `member` gives a reference to it in a recipe that may be const.
template <typename Member>
Field number(std::string_view key, Member member) {
  using T = std::remove_reference_t<decltype(member(std::declval<Recipe&>()))>;
  return {key, [=](const Recipe& recipe) { return Json(member(recipe)); },
          [=](const Json& value, Recipe& recipe) {
            if constexpr (std::is_integral_v<T>) {
              if (!value.is_number_integer()) throw UsageError("expected a whole number");
              if (std::is_unsigned_v<T> && !value.is_number_unsigned())
                throw UsageError("expected a whole number that is not negative");
            } else if (!value.is_number()) {
              throw UsageError("expected a number");
            }
            member(recipe) = value.get<T>();
          }};
}

/// A name of the recipe; `parse` reads it.
template <typename Member, typename Parse>
Field choice(std::string_view key, Member member, Parse parse) {
  return {key, [=](const Recipe& recipe) { return Json(std::string(name(member(recipe)))); },
          [=](const Json& value, Recipe& recipe) {
            if (!value.is_string()) throw UsageError("expected a name in quotes");
            member(recipe) = parse(value.get<std::string>());
          }};
}

const std::vector<Field>& fields() {
  using R = Recipe;
  static const std::vector<Field> list{
      {"preset", [](const R& r) { return Json(r.preset); },
       [](const Json& value, R& r) {
         if (!value.is_string()) throw UsageError("expected a name in quotes");
         static_cast<void>(preset_summary(value.get<std::string>()));
         r.preset = value.get<std::string>();
       }},
      {"data", [](const R& r) { return Json(r.data); },
       [](const Json& value, R& r) {
         if (!value.is_string()) throw UsageError("expected a name in quotes");
         r.data = value.get<std::string>();
       }},
      number(
          "limit", [](auto& r) -> auto& { return r.limit; }),
      {"widths", [](const R& r) { return Json(r.widths); },
       [](const Json& value, R& r) {
         if (!value.is_array()) throw UsageError("expected a list of whole numbers");
         std::string text;
         for (const Json& width : value) text += (text.empty() ? "" : ",") + width.dump();
         r.widths = text.empty() ? std::vector<std::int64_t>{} : parse_widths(text);
       }},
      choice(
          "hidden", [](auto& r) -> auto& { return r.hidden; }, parse_activation),
      choice(
          "code", [](auto& r) -> auto& { return r.code; }, parse_activation),
      choice(
          "output", [](auto& r) -> auto& { return r.output; }, parse_activation),
      choice(
          "init", [](auto& r) -> auto& { return r.init; }, parse_initialisation),
      number(
          "learning_rate", [](auto& r) -> auto& { return r.optimizer.learning_rate; }),
      number(
          "beta1", [](auto& r) -> auto& { return r.optimizer.beta1; }),
      number(
          "beta2", [](auto& r) -> auto& { return r.optimizer.beta2; }),
      number(
          "epsilon", [](auto& r) -> auto& { return r.optimizer.epsilon; }),
      choice(
          "adam_form", [](auto& r) -> auto& { return r.optimizer.form; }, parse_adam_form),
      choice(
          "schedule", [](auto& r) -> auto& { return r.optimizer.schedule; }, parse_schedule),
      number(
          "warmup_steps", [](auto& r) -> auto& { return r.optimizer.warmup_steps; }),
      number(
          "total_steps", [](auto& r) -> auto& { return r.optimizer.total_steps; }),
      number(
          "batch", [](auto& r) -> auto& { return r.batch; }),
      number(
          "epochs", [](auto& r) -> auto& { return r.epochs; }),
      number(
          "seed", [](auto& r) -> auto& { return r.seed; }),
  };
  return list;
}

Json parse_object(std::string_view text) {
  Json object = Json::parse(text, nullptr, false);
  if (!object.is_object())
    throw UsageError("the configuration is not a JSON object: expected {\"batch\": 150, ...}");
  return object;
}

}  // namespace

std::string to_json(const Recipe& recipe) {
  Json object;
  for (const Field& field : fields()) object[std::string(field.key)] = field.write(recipe);
  return object.dump(2);
}

Recipe recipe_from_json(std::string_view text, const Recipe& base) {
  Recipe recipe = base;
  const Json object = parse_object(text);  // named: the loop below must not outlive it
  for (const auto& [key, value] : object.items()) {
    const auto found = std::ranges::find(fields(), key, &Field::key);
    if (found == fields().end()) {
      std::vector<std::string_view> keys;
      for (const Field& field : fields()) keys.push_back(field.key);
      throw UsageError("configuration: " + unknown_name("key", key, keys));
    }
    try {
      found->read(value, recipe);
    } catch (const UsageError& error) {
      throw UsageError("configuration, key '" + key + "': " + error.what() + ", found " +
                       value.dump());
    }
  }
  return recipe;
}

std::string preset_of_json(std::string_view text, std::string_view otherwise) {
  const Json object = parse_object(text);
  const auto found = object.find("preset");
  if (found == object.end()) return std::string(otherwise);
  if (!found->is_string())
    throw UsageError("configuration, key 'preset': expected a name in quotes, found " +
                     found->dump());
  return found->get<std::string>();
}

}  // namespace hourglass
