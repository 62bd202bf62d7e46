// NumPy's array files, streamed. Format: numpy.lib.format (NEP 1).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "hourglass/atomic_file.h"

namespace hourglass {

/// Writes a float32 array (rows, cols) block by block; the header is completed by `commit`. Atomic.
/// Throws IoError.
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, std::int64_t cols);
  /// Appends `rows` rows of `cols` numbers.
  void append(const float* values, std::int64_t rows);
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  void commit();

 private:
  AtomicFile file_;
  std::int64_t cols_;
  std::int64_t rows_ = 0;
};

/// Reads an array of rank 2, or of rank 1 as a single row: versions 1 to 3, C or Fortran order,
/// little-endian float32 and float64 or uint8, all as float (a uint8 as its number, not scaled).
/// Reads only what is asked for, so a file may be larger than memory. Throws DataError.
class NpyReader {
 public:
  explicit NpyReader(const std::filesystem::path& path);
  ~NpyReader();

  [[nodiscard]] std::int64_t rows() const;
  [[nodiscard]] std::int64_t cols() const;
  /// Reads rows [first, first + count) into `out` (count, cols). Throws std::out_of_range beyond
  /// the array.
  void read_rows(std::int64_t first, std::int64_t count, float* out) const;

 private:
  class Array;
  std::unique_ptr<Array> array_;
};

}  // namespace hourglass
