// Data sets by name, folder or file.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>

#include "data/idx_images.h"
#include "data/load_idx.h"
#include "data/mnist.h"
#include "data/split.h"
#include "data/strokes.h"
#include "hourglass/data.h"
#include "hourglass/nearest.h"

namespace hourglass {
namespace {

namespace fs = std::filesystem;
using Labels = std::vector<std::int32_t>;

constexpr const char* train_file = "train-images-idx3-ubyte";
constexpr const char* test_file = "t10k-images-idx3-ubyte";

/// A training file and, if there is one, a test file, before they are cut.
struct Uncut {
  Images train;
  Images test;  // count 0: there is none
  Labels train_labels;
  Labels test_labels;
  std::vector<SourceFile> files;
};

Labels part_of(const Labels& labels, ImageRange range) {
  if (labels.empty()) return {};
  return {labels.begin() + range.first, labels.begin() + range.last};
}

DataSet cut(const Uncut& uncut, const DataRequest& request, DataLabels& labels) {
  const bool has_test = uncut.test.count > 0;
  if (has_test && uncut.test.width() != uncut.train.width())
    throw DataError(Finding{request.source,
                            "test images of " + std::to_string(uncut.train.width()) +
                                " pixels (as the "
                                "training images)",
                            std::to_string(uncut.test.width()) + " pixels",
                            "Use training and test files of the same set."});
  const Split split = split_images(uncut.train.count, request.validation, has_test);
  DataSet set;
  set.train = uncut.train.slice(split.train.first, split.train.last);
  set.validation = uncut.train.slice(split.validation.first, split.validation.last);
  set.test = has_test ? uncut.test : uncut.train.slice(split.test.first, split.test.last);
  set.files = uncut.files;
  set.note = split.note;
  labels.train = part_of(uncut.train_labels, split.train);
  labels.validation = part_of(uncut.train_labels, split.validation);
  labels.test = has_test ? uncut.test_labels : part_of(uncut.train_labels, split.test);
  return set;
}

std::optional<fs::path> plain_or_gzip(const fs::path& path) {
  for (const char* suffix : {"", ".gz"}) {
    std::error_code ignored;
    if (fs::path found = path.string() + suffix; fs::exists(found, ignored)) return found;
  }
  return std::nullopt;
}

/// The labels that lie beside a file of images, by MNIST's and QMNIST's naming.
std::optional<fs::path> label_file_of(const fs::path& images) {
  const std::string name = images.filename().string();
  const std::string middle = "-images-idx3-ubyte";
  const auto at = name.find(middle);
  if (at == std::string::npos) return std::nullopt;
  for (const char* ending : {"-labels-idx1-ubyte", "-labels-idx2-int"})
    if (auto found = plain_or_gzip(images.parent_path() / (name.substr(0, at) + ending)))
      return found;
  return std::nullopt;
}

void load_file(const fs::path& path, Images& images, Labels& labels,
               std::vector<SourceFile>& files) {
  const LoadedIdx loaded = load_idx(path.string());
  images = images_from(loaded.array);
  files.push_back(loaded.source);
  if (const auto label_path = label_file_of(path)) {
    const LoadedIdx label_file = load_idx(label_path->string());
    labels = labels_from(label_file.array, images.count);
    files.push_back(label_file.source);
  }
}

Uncut load_files(const fs::path& train, const std::optional<fs::path>& test) {
  Uncut uncut;
  load_file(train, uncut.train, uncut.train_labels, uncut.files);
  if (test) load_file(*test, uncut.test, uncut.test_labels, uncut.files);
  return uncut;
}

Uncut load_folder(const fs::path& folder) {
  const auto require = [&](const char* name) {
    if (auto found = plain_or_gzip(folder / name)) return *found;
    throw DataError(
        Finding{folder.string(),
                "a folder with " + std::string(train_file) + " and " + test_file + ", plain or .gz",
                "no " + std::string(name), "Name the files instead: TRAIN,TEST."});
  };
  const fs::path train = require(train_file);
  return load_files(train, require(test_file));
}

std::int64_t strokes_count(const std::string& source) {
  const std::size_t colon = source.find(':');
  if (colon == std::string::npos) return strokes::default_train;
  constexpr std::int64_t most = max_unpacked_bytes / (2 * strokes::side * strokes::side);
  std::int64_t count = 0;
  const char* last = source.data() + source.size();
  const auto [end, error] = std::from_chars(source.data() + colon + 1, last, count);
  if (error != std::errc{} || end != last || count < 1 || count > most)
    throw UsageError(Finding{source, "strokes:COUNT with a count of 1 to " + std::to_string(most),
                             "\"" + source.substr(colon + 1) + "\"", "For example strokes:5500."});
  return count;
}

Labels stroke_labels(std::int64_t first, std::int64_t count) {
  Labels labels(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    labels[static_cast<std::size_t>(i)] = strokes::digit_of(first + i);
  return labels;
}

DataSet load_strokes(const DataRequest& request, DataLabels& labels) {
  const std::int64_t count = strokes_count(request.source);
  const auto at_least_one = [](std::int64_t n) { return std::max<std::int64_t>(n, 1); };
  const std::int64_t validation =
      request.validation > 0 ? request.validation : at_least_one(count / 11);
  const auto part = [](std::int64_t first, std::int64_t images, Labels& part_labels) {
    part_labels = stroke_labels(first, images);
    return draw_strokes(first, images, strokes::default_seed);
  };
  DataSet set;
  set.train = part(strokes::train_first, count, labels.train);
  set.validation = part(strokes::validation_first, validation, labels.validation);
  set.test = part(strokes::test_first, at_least_one(2 * count / 11), labels.test);
  set.builtin = true;
  set.note = "built-in digits drawn from strokes, not real data";
  return set;
}

[[noreturn]] void refuse_unknown(const std::string& source) {
  constexpr std::array<std::string_view, 2> names{"mnist", "strokes"};
  const std::string_view near = nearest_name(source, names);
  const std::string remedy =
      near.empty() ? "Check the spelling." : "Did you mean " + std::string(near) + "?";
  throw DataError(Finding{source,
                          "mnist, strokes, strokes:COUNT, a folder or IDX files TRAIN[,TEST]",
                          "no such name or file", remedy});
}

DataSet load_paths(const DataRequest& request, DataLabels& labels) {
  const std::string& source = request.source;
  std::error_code ignored;
  if (fs::is_directory(source, ignored)) return cut(load_folder(source), request, labels);
  if (fs::exists(source, ignored)) return cut(load_files(source, std::nullopt), request, labels);
  const std::size_t comma = source.find(',');
  if (comma == std::string::npos) {
    if (source.find('/') == std::string::npos) refuse_unknown(source);
    return cut(load_files(source, std::nullopt), request, labels);
  }
  const std::string train = source.substr(0, comma);
  const std::string test = source.substr(comma + 1);
  for (const std::string& part : {train, test})
    if (names_data_set(part))
      throw UsageError(
          Finding{source, "one name, or files TRAIN[,TEST]", "the name " + part + " in a list",
                  "Names and files do not mix: name the data set alone, or two files (./" + part +
                      " is a file)."});
  return cut(load_files(train, test), request, labels);
}

void apply_limit(std::int64_t limit, Images& images, Labels& labels) {
  images.count = std::min(images.count, limit);
  if (!labels.empty()) labels.resize(static_cast<std::size_t>(images.count));
}

}  // namespace

bool names_data_set(std::string_view source) {
  const bool counted = source.starts_with("strokes:") && source.find(',') == std::string_view::npos;
  return source == "mnist" || source == "strokes" || counted;
}

DataSet load_dataset(const DataRequest& request, DataLabels* labels) {
  if (request.limit == 0)
    throw UsageError(Finding{"--limit", "at least 1 image", "0", "Leave it out for all images."});
  DataLabels found;
  DataSet set;
  if (request.source == "mnist") {
    const Mnist mnist = load_mnist();
    set = cut({mnist.train, mnist.test, mnist.train_labels, mnist.test_labels, mnist.files},
              request, found);
  } else if (names_data_set(request.source)) {
    set = load_strokes(request, found);
  } else {
    set = load_paths(request, found);
  }
  set.name = request.source;
  if (request.limit > 0) {
    apply_limit(request.limit, set.train, found.train);
    apply_limit(request.limit, set.validation, found.validation);
    apply_limit(request.limit, set.test, found.test);
  }
  if (labels != nullptr) *labels = std::move(found);
  return set;
}

DataSet obtain_dataset(const DataRequest& request, DataLabels* labels) {
  try {
    return load_dataset(request, labels);
  } catch (const MissingData& missing) {
    try {
      fetch_mnist(missing.directory(), false);
    } catch (const DataError&) {  // it has said why on stderr
      DataRequest instead = request;
      instead.source = "strokes";
      DataSet set = load_dataset(instead, labels);
      set.note = "MNIST could not be fetched; built-in digits drawn from strokes take its place";
      return set;
    }
  }
  return load_dataset(request, labels);
}

}  // namespace hourglass
