#include <fstream>
#include <sstream>
#include <string>

#include "cuda/algorithm_cache.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

using namespace hourglass;
using cuda::AlgorithmCache;
using cuda::AlgorithmWords;

TEST_CASE("an algorithm is pinned once and found again") {
  const test::TemporaryDirectory directory;
  const AlgorithmCache cache(directory.path() / "a" / "b");
  const AlgorithmWords words{1, 2, 3, 0xFFFFFFFFFFFFFFFFU, 5, 6, 7, 0};
  CHECK_FALSE(cache.find("gemm 1"));
  REQUIRE(cache.pin("gemm 1", words));
  CHECK(cache.find("gemm 1") == words);
  CHECK_FALSE(cache.find("gemm 2"));
  REQUIRE(cache.pin("gemm 1", AlgorithmWords{9}));  // another process was first
  CHECK(cache.find("gemm 1") == words);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path() / "a" / "b"), {}) == 1);
}

TEST_CASE("a damaged file is no algorithm, and is replaced") {
  const test::TemporaryDirectory directory;
  const AlgorithmCache cache(directory.path());
  const AlgorithmWords words{11, 12, 13, 14, 15, 16, 17, 18};
  REQUIRE(cache.pin("gemm", words));
  const std::filesystem::path file = *std::filesystem::directory_iterator(directory.path());
  std::stringstream whole;
  whole << std::ifstream(file).rdbuf();
  const std::string text = whole.str();
  for (std::size_t length = 0; length < text.size(); ++length) {
    std::ofstream(file, std::ios::trunc) << text.substr(0, length);
    INFO("cut to " << length);
    CHECK_FALSE(cache.find("gemm"));
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    std::ofstream(file, std::ios::trunc) << damaged;
    INFO("damaged at " << i);
    CHECK_FALSE(cache.find("gemm"));
  }
  REQUIRE(cache.pin("gemm", words));
  CHECK(cache.find("gemm") == words);
}

TEST_CASE("a pin is taken back, unless it is another one by now") {
  const test::TemporaryDirectory directory;
  const AlgorithmCache cache(directory.path());
  const AlgorithmWords words{1, 2};
  REQUIRE(cache.pin("gemm", words));
  cache.drop("gemm", AlgorithmWords{3});
  CHECK(cache.find("gemm") == words);
  cache.drop("another", words);
  CHECK(cache.find("gemm") == words);
  cache.drop("gemm", words);
  CHECK_FALSE(cache.find("gemm"));
  REQUIRE(cache.pin("gemm", AlgorithmWords{3}));
  CHECK(cache.find("gemm") == AlgorithmWords{3});
}

TEST_CASE("a cache that cannot be written says so") {
  CHECK_FALSE(AlgorithmCache({}).pin("gemm", {}));
  const test::TemporaryDirectory directory;
  std::ofstream(directory.path() / "file") << "x";
  CHECK_FALSE(AlgorithmCache(directory.path() / "file").pin("gemm", {}));
}
