#include "data/mnist.h"

#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>

#include "data/idx_images.h"
#include "data/load_idx.h"
#include "hourglass/data.h"

namespace hourglass {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The plain file is preferred: it is mapped, not unpacked.
std::optional<fs::path> find_file(const fs::path& folder, const MnistFile& file) {
  for (const char* suffix : {"", ".gz"}) {
    fs::path path = folder / (std::string(file.name) + suffix);
    std::error_code ignored;
    if (fs::exists(path, ignored)) return path;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_missing(const fs::path& folder, const MnistFile& file) {
  const std::string name = file.name;
  Finding finding{(folder / name).string(), "MNIST's file, plain or as " + name + ".gz",
                  "no such file", ""};
  if (!environment("HOURGLASS_DATA_DIR").empty()) {
    finding.remedy = "HOURGLASS_DATA_DIR is set to " + folder.string() +
                     ": put the files there, run `hourglass data fetch mnist`, or unset it.";
    throw DataError(finding);
  }
  finding.remedy = "Run `hourglass data fetch mnist`.";
  throw MissingData(finding, folder.string());
}

LoadedIdx load_verified(const fs::path& path, const MnistFile& known) {
  return load_idx(path.string(), [&](const std::string& hash) {
    const char* expected = path.extension() == ".gz" ? known.gzip_sha256 : known.plain_sha256;
    if (hash != expected)
      throw DataError(Finding{path.string(), "sha256 " + std::string(expected), "sha256 " + hash,
                              "The file is damaged or another one; run `hourglass data fetch mnist "
                              "--force`."});
  });
}

std::vector<std::int32_t> load_labels(const fs::path& folder, const MnistFile& known,
                                      std::int64_t count, std::vector<SourceFile>& files) {
  const auto path = find_file(folder, known);
  if (!path) return {};
  LoadedIdx loaded = load_verified(*path, known);
  files.push_back(loaded.source);
  return labels_from(loaded.array, count);
}

}  // namespace

std::string mnist_directory() {
  if (const std::string set = environment("HOURGLASS_DATA_DIR"); !set.empty()) return set;
  fs::path cache = environment("XDG_CACHE_HOME");
  // The XDG base directory specification: a relative path there is to be ignored.
  if (!cache.is_absolute()) {
    const std::string home = environment("HOME");
    std::error_code no_temporary;  // then a folder below the current one
    cache = home.empty() ? fs::temp_directory_path(no_temporary) : fs::path(home) / ".cache";
  }
  return (cache / "hourglass" / "mnist").string();
}

Mnist load_mnist() {
  const fs::path folder = mnist_directory();
  const MnistFile& train_images = mnist_files[0];
  const MnistFile& train_labels = mnist_files[1];
  const MnistFile& test_images = mnist_files[2];
  const MnistFile& test_labels = mnist_files[3];
  const auto train_path = find_file(folder, train_images);
  if (!train_path) refuse_missing(folder, train_images);
  const auto test_path = find_file(folder, test_images);
  if (!test_path) refuse_missing(folder, test_images);

  auto test_job =
      std::async(std::launch::async, [&] { return load_verified(*test_path, test_images); });
  const LoadedIdx train = load_verified(*train_path, train_images);
  const LoadedIdx test = test_job.get();

  Mnist mnist;
  mnist.train = images_from(train.array);
  mnist.test = images_from(test.array);
  mnist.files = {train.source, test.source};
  mnist.train_labels = load_labels(folder, train_labels, mnist.train.count, mnist.files);
  mnist.test_labels = load_labels(folder, test_labels, mnist.test.count, mnist.files);
  return mnist;
}

}  // namespace hourglass
