// Data sets: reading, describing and writing them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hourglass/error.h"
#include "hourglass/images.h"

namespace hourglass {

/// What to load and how to cut it.
struct DataRequest {
  /// "mnist"; "strokes" or "strokes:COUNT" (the built-in set, COUNT training images); a folder
  /// with train-images-idx3-ubyte and t10k-images-idx3-ubyte, plain or .gz; or one or two IDX
  /// files, "train[,test]". A name is always the data set; a file of that name is "./mnist".
  std::string source = "mnist";
  /// Images at the start of the training file that become the validation set. Negative: one in
  /// twelve, at most 5,000 (MNIST: 5,000 of 60,000).
  std::int64_t validation = -1;
  /// At most so many images of each part. Negative: all.
  std::int64_t limit = -1;
};

/// The labels of the three parts, in the order of the images; empty where the source has none.
struct DataLabels {
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> validation;
  std::vector<std::int32_t> test;
};

/// A named data set that is not on this machine yet but can be fetched into `directory()`.
class MissingData : public DataError {
 public:
  MissingData(const Finding& finding, std::string directory)
      : DataError(finding), directory_(std::move(directory)) {}
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
};

/// Whether `source` is the name of a data set, and so never a file: "mnist", "strokes" or
/// "strokes:...".
[[nodiscard]] bool names_data_set(std::string_view source);

/// Loads a data set and cuts it into training, validation and test images; no part is empty. With
/// one file, its last sixth is the test set. Where a set is too small for a part of its own, its
/// training images serve for that part as well, and `note` says so. Label files beside the images
/// are checked when they are there. Throws MissingData when MNIST has to be fetched first,
/// DataError for missing or damaged data, UsageError for a request that makes no sense.
DataSet load_dataset(const DataRequest& request, DataLabels* labels = nullptr);

/// `load_dataset`, but MNIST is fetched when it is missing, and where that fails the built-in set
/// takes its place: `builtin` is then true and `note` says why.
DataSet obtain_dataset(const DataRequest& request, DataLabels* labels = nullptr);

/// Where MNIST is looked for: HOURGLASS_DATA_DIR, else $XDG_CACHE_HOME/hourglass/mnist, else
/// ~/.cache/hourglass/mnist.
std::string mnist_directory();

/// Fetches the four files of MNIST into `directory` by running tools/fetch_mnist.py, which reports
/// on stderr. Files that are there and right are kept unless `force`. Throws DataError on failure.
void fetch_mnist(const std::string& directory, bool force);

/// The images of an IDX file. Shapes: (N, D) is N images of 1 x D, (N, a, b) is a x b, (N, a, b, c,
/// ...) is a x (b * c * ...); rank 1 is refused. Values: u8 as it is (mapped when the file is
/// plain); f32 and f64 become f32 and must be finite and in [0, 1]; i8, i16 and i32 become u8 and
/// must be in 0..255. Throws DataError for anything else.
Images read_images(const std::string& path);

/// The labels of an IDX file of integers, rank 1, or rank 2, where the first column counts
/// (QMNIST). Throws DataError when their number is not `expected_count` or one is negative.
std::vector<std::int32_t> read_labels(const std::string& path, std::int64_t expected_count);

/// What `hourglass data info` says of some images. Values are in the file's own scale: 0..255 for
/// u8, [0, 1] for f32.
struct ImagesInfo {
  std::int64_t count = 0;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  PixelType type = PixelType::u8;
  double min = 0.0;
  double max = 0.0;
  double mean = 0.0;
  double zero_share = 0.0;                      // pixels that are exactly 0, of all
  std::map<std::int32_t, std::int64_t> labels;  // label -> images; empty without labels
};

/// Looks at every pixel once. `labels` may be empty.
ImagesInfo describe(const Images& images, std::span<const std::int32_t> labels = {});

/// Writes images as a plain IDX file of rank 3, u8 or f32, to a temporary file that is then
/// renamed. Throws IoError.
void write_idx(const std::string& path, const Images& images);

/// Writes labels (0..255) as a plain IDX file of rank 1, u8. Throws IoError.
void write_idx_labels(const std::string& path, std::span<const std::int32_t> labels);

/// `count` images of the built-in set from number `first` on, 28 x 28, u8: digits drawn from
/// strokes with varied pose, width and slant. Image `i` shows digit `i mod 10` and depends on
/// (seed, i) only.
Images draw_strokes(std::int64_t first, std::int64_t count, std::uint64_t seed);

}  // namespace hourglass
