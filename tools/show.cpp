#include "show.h"

#include <algorithm>
#include <vector>

#include "hourglass/picture.h"
#include "model_runner.h"
#include "progress.h"
#include "row_source.h"

namespace hourglass::tools {

void show_pictures(const float* originals, const float* reconstructions, std::int64_t count,
                   std::int64_t rows, std::int64_t cols, std::FILE* stream) {
  const bool colour = wants_colour(fileno(stream));
  std::fputs(terminal_picture(originals, reconstructions, count, rows, cols, colour).c_str(),
             stream);
}

void show_first_test_images(const std::filesystem::path& run_directory, const DataSet& data,
                            std::FILE* stream) {
  const Images& test = data.test;
  const ModelRunner runner = load_runner(run_directory.string(), {});
  require_width(runner, test.width(), data.name);
  const std::int64_t count = std::min<std::int64_t>(10, test.count);
  std::vector<float> originals(static_cast<std::size_t>(count * test.width()));
  std::vector<float> reconstructions(originals.size());
  rows_of(test, data.name).read(0, count, originals.data());
  runner.engine->forward(Part::whole, originals.data(), count, reconstructions.data());
  show_pictures(originals.data(), reconstructions.data(), count, test.rows, test.cols, stream);
}

}  // namespace hourglass::tools
