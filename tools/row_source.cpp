#include "row_source.h"

#include <array>
#include <memory>
#include <string_view>

#include "hourglass/error.h"
#include "hourglass/nearest.h"
#include "hourglass/npy.h"

namespace hourglass::tools {

RowSource rows_of(const Images& images, const std::string& name) {
  return {name, images.count, images.width(),
          [images](std::int64_t first, std::int64_t count, float* out) {
            for (std::int64_t i = 0; i < count; ++i)
              images.read(first + i, out + i * images.width());
          }};
}

RowSource rows_of_file(const std::string& path) {
  if (!path.ends_with(".npy")) return rows_of(read_images(path), path);
  const auto reader = std::make_shared<const NpyReader>(path);
  return {path, reader->rows(), reader->cols(),
          [reader, path](std::int64_t first, std::int64_t count, float* out) {
            reader->read_rows(first, count, out);
            for (std::int64_t i = 0; i < count * reader->cols(); ++i)
              if (!(out[i] >= 0.0F && out[i] <= 1.0F))
                throw DataError({path, "numbers from 0 to 1",
                                 std::to_string(out[i]) + " in row " +
                                     std::to_string(first + i / reader->cols()),
                                 "Divide bytes by 255 before saving them as .npy."});
          }};
}

const Images& part_of(const DataSet& data, const std::string& part) {
  constexpr std::array<std::string_view, 3> names{"train", "validation", "test"};
  if (part == names[0]) return data.train;
  if (part == names[1]) return data.validation;
  if (part == names[2]) return data.test;
  throw UsageError(unknown_name("part", part, names));
}

}  // namespace hourglass::tools
