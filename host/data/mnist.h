// MNIST by name: where its files lie, and whether they are the right ones.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "hourglass/images.h"

namespace hourglass {

/// One of the four files. A file may lie gzip-compressed (NAME.gz) or plain (NAME).
struct MnistFile {
  const char* name;
  std::int64_t gzip_bytes;
  const char* gzip_sha256;
  std::int64_t plain_bytes;
  const char* plain_sha256;
};

/// Training images and labels, test images and labels, in this order.
inline constexpr std::array<MnistFile, 4> mnist_files{{
    {"train-images-idx3-ubyte", 9'912'422,
     "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 47'040'016,
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    {"train-labels-idx1-ubyte", 28'881,
     "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 60'008,
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
    {"t10k-images-idx3-ubyte", 1'648'877,
     "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 7'840'016,
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
    {"t10k-labels-idx1-ubyte", 4'542,
     "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 10'008,
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
}};

/// All of MNIST, before it is cut into parts.
struct Mnist {
  Images train;                            // 60,000
  Images test;                             // 10,000
  std::vector<std::int32_t> train_labels;  // empty when the file is not there
  std::vector<std::int32_t> test_labels;
  std::vector<SourceFile> files;
};

/// Loads MNIST from `mnist_directory()`, each file checked against its known SHA-256. The files of
/// images must be there, those of labels may be. Throws MissingData when the cache lacks a file,
/// DataError when HOURGLASS_DATA_DIR lacks one or a file is not the one it should be.
Mnist load_mnist();

}  // namespace hourglass
