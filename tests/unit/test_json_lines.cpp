#include "files_support.h"
#include "hourglass/error.h"
#include "hourglass/json_lines.h"
#include "support/catch.h"

namespace hourglass {
namespace {

using test::contents;

TEST_CASE("JSON lines are appended, also by a second opening") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "metrics.jsonl";
  JsonLines(path).append(R"({"step":1})");
  {
    JsonLines log(path);
    log.append(R"({"step":2})");
    CHECK_THROWS_AS(log.append("{\n}"), std::invalid_argument);
  }
  CHECK(contents(path) == "{\"step\":1}\n{\"step\":2}\n");
}

TEST_CASE("A full disk while appending is an IoError that says so") {
  JsonLines log("/dev/full");
  CHECK_THAT(test::message_of<IoError>([&] { log.append("{}"); }),
             Catch::Matchers::Contains("disk is full"));
}

TEST_CASE("A resumed log loses later steps and a torn line") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "metrics.jsonl";
  const std::string kept = "{\"note\":\"start\"}\n{\"step\":1}\n{\"step\":2}\n";
  test::put(path, kept + "{\"step\":3}\n{\"step\":4}\n{\"st");
  CHECK(truncate_after_step(path, 2) == 3);
  CHECK(contents(path) == kept);
  CHECK(truncate_after_step(path, 2) == 0);
  CHECK(truncate_after_step(scratch / "missing", 2) == 0);
}

TEST_CASE("A whole last line without its end counts as torn") {
  const test::ScratchDirectory scratch;
  const auto path = scratch / "metrics.jsonl";
  test::put(path, "{\"step\":1}\n{\"step\":2}");
  CHECK(truncate_after_step(path, 5) == 1);
  CHECK(contents(path) == "{\"step\":1}\n");
}

}  // namespace
}  // namespace hourglass
