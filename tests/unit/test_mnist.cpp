#include "data/mnist.h"

#include <cstdlib>
#include <filesystem>

#include "hourglass/data.h"
#include "support/catch.h"
#include "support/data_files.h"
#include "support/skip.h"

namespace {

using namespace hourglass;
using namespace hourglass::test;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

}  // namespace

TEST_CASE("MNIST: where it is looked for") {
  const Environment no_data("HOURGLASS_DATA_DIR", nullptr);
  const Environment home("HOME", "/home/someone");
  {
    const Environment cache("XDG_CACHE_HOME", "/some/cache");
    CHECK(mnist_directory() == "/some/cache/hourglass/mnist");
  }
  for (const char* unusable : {static_cast<const char*>(nullptr), "", "relative"}) {
    const Environment cache("XDG_CACHE_HOME", unusable);
    CHECK(mnist_directory() == "/home/someone/.cache/hourglass/mnist");
  }
  const Environment data("HOURGLASS_DATA_DIR", "/data");
  CHECK(mnist_directory() == "/data");
}

TEST_CASE("MNIST: a file missing from the cache can be fetched, one from HOURGLASS_DATA_DIR not") {
  const TemporaryFolder folder;
  const Environment cache("XDG_CACHE_HOME", (folder / "").c_str());
  {
    const Environment no_data("HOURGLASS_DATA_DIR", nullptr);
    try {
      load_mnist();
      FAIL("no error");
    } catch (const MissingData& missing) {
      CHECK(missing.directory() == mnist_directory());
      CHECK_THAT(missing.what(), Contains("data fetch mnist"));
    }
  }
  const Environment data("HOURGLASS_DATA_DIR", (folder / "").c_str());
  try {
    load_mnist();
    FAIL("no error");
  } catch (const MissingData&) {
    FAIL("must not be fetched");
  } catch (const DataError& error) {
    CHECK_THAT(error.what(), Contains("HOURGLASS_DATA_DIR") && Contains("train-images"));
  }
}

TEST_CASE("MNIST: a wrong file is named with both hashes and the fix") {
  const TemporaryFolder folder;
  const Environment data("HOURGLASS_DATA_DIR", (folder / "").c_str());
  write_file(folder / "t10k-images-idx3-ubyte", "abc");
  for (const char* name : {"train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"}) {
    write_file(folder / name, "abc");
    const bool packed = std::string(name).ends_with(".gz");
    const MnistFile& known = mnist_files[0];
    CHECK_THAT(message_of<DataError>([] { load_mnist(); }),
               Contains(name) && Contains(packed ? known.gzip_sha256 : known.plain_sha256) &&
                   Contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") &&
                   Contains("data fetch mnist --force"));
  }
}

TEST_CASE("MNIST: the real files, packed and plain") {
  const char* real = std::getenv("HOURGLASS_DATA_DIR");
  if (real == nullptr) {
    skip("HOURGLASS_DATA_DIR is not set: no MNIST to read");
    return;
  }
  DataLabels labels;
  const DataSet set = load_dataset({"mnist"}, &labels);
  CHECK(set.train.count == 55'000);
  CHECK(set.validation.count == 5'000);
  CHECK(set.test.count == 10'000);
  CHECK(set.train.pixels == set.validation.pixels + 5'000 * 784);
  CHECK_FALSE(set.builtin);
  CHECK(set.note.empty());
  REQUIRE(labels.test.size() == 10'000);
  CHECK(labels.validation[0] == 5);  // MNIST begins 5 0 4 1 9
  CHECK(labels.test[0] == 7);
  const ImagesInfo info = describe(set.test, labels.test);
  CHECK(info.labels.at(0) == 980);
  CHECK(info.labels.at(9) == 1009);
  CHECK(info.max == 255.0);

  // Only the images, and plain, are enough.
  const TemporaryFolder folder;
  const Mnist mnist = load_mnist();
  write_idx(folder / "train-images-idx3-ubyte", mnist.train);
  write_idx(folder / "t10k-images-idx3-ubyte", mnist.test);
  const Environment data("HOURGLASS_DATA_DIR", (folder / "").c_str());
  DataLabels none;
  CHECK(load_dataset({"mnist"}, &none).test.count == 10'000);
  CHECK(none.test.empty());
}

TEST_CASE("MNIST: a fetch that fails is a DataError, and the built-in set takes its place") {
  const TemporaryFolder folder;
  const Environment no_data("HOURGLASS_DATA_DIR", nullptr);
  const Environment cache("XDG_CACHE_HOME", (folder / "").c_str());
  const Environment tools("HOURGLASS_TOOLS_DIR", (folder / "").c_str());
  write_file(folder / "fetch_mnist.py", "import sys\nsys.exit(3)\n");
  CHECK_THAT(message_of<DataError>([] { fetch_mnist(mnist_directory(), false); }),
             Contains("exit code 3") && Contains("--data strokes"));
  DataRequest request{"mnist"};
  request.limit = 20;
  const DataSet set = obtain_dataset(request);
  CHECK(set.builtin);
  CHECK(set.name == "strokes");
  CHECK_THAT(set.note, Contains("could not be fetched"));
  CHECK(set.train.count == 20);
}

TEST_CASE("MNIST: the script gets the folder and --force") {
  const TemporaryFolder folder;
  const Environment tools("HOURGLASS_TOOLS_DIR", (folder / "").c_str());
  write_file(folder / "fetch_mnist.py",
             "import sys\nopen(sys.argv[1], 'w').write(' '.join(sys.argv[2:]))\n");
  fetch_mnist(folder / "arguments", true);
  CHECK(read_file(folder / "arguments") == "--force");
}
