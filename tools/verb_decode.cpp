// hourglass decode
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common_flags.h"
#include "hourglass/error.h"
#include "hourglass/npy.h"
#include "hourglass/png.h"
#include "model_runner.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

struct DecodeFlags {
  std::string model;
  std::string codes;
  EngineFlags engine;
  std::string output;
  std::int64_t count = 0;
};

constexpr std::int64_t most_in_a_picture = 10000;

/// Images in a square-ish grid, one gray pixel apart.
class Mosaic {
 public:
  Mosaic(std::int64_t count, std::int64_t rows, std::int64_t cols) : rows_(rows), cols_(cols) {
    across_ = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(count))));
    const std::int64_t down = (count + across_ - 1) / across_;
    picture_.rows = down * (rows + 1) - 1;
    picture_.cols = across_ * (cols + 1) - 1;
    picture_.pixels.assign(static_cast<std::size_t>(picture_.rows * picture_.cols), 64);
  }

  void place(std::int64_t index, const float* image) {
    for (std::int64_t r = 0; r < rows_; ++r)
      for (std::int64_t c = 0; c < cols_; ++c) {
        const std::int64_t row = index / across_ * (rows_ + 1) + r;
        const std::int64_t col = index % across_ * (cols_ + 1) + c;
        const float value = image[r * cols_ + c];
        picture_.pixels[static_cast<std::size_t>(row * picture_.cols + col)] =
            value > 0.0F ? static_cast<std::uint8_t>(std::lround(std::min(value, 1.0F) * 255.0F))
                         : std::uint8_t{0};
      }
  }

  [[nodiscard]] const Picture& picture() const { return picture_; }

 private:
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t across_ = 1;
  Picture picture_;
};

/// Decodes `count` codes block by block and calls `take(first, rows, images)`.
template <typename Take>
void decode_blocks(ModelRunner& runner, const NpyReader& codes, std::int64_t count, Take&& take) {
  std::vector<float> code(static_cast<std::size_t>(block_rows * codes.cols()));
  std::vector<float> images(
      static_cast<std::size_t>(block_rows * runner.model.network.output_width()));
  for (std::int64_t first = 0; first < count; first += block_rows) {
    const std::int64_t rows = std::min(block_rows, count - first);
    codes.read_rows(first, rows, code.data());
    runner.engine->forward(Part::decoder, code.data(), rows, images.data());
    take(first, rows, images.data());
  }
}

void write_mosaic(const std::string& path, ModelRunner& runner, const NpyReader& codes,
                  std::int64_t count) {
  if (count < 1 || count > most_in_a_picture)
    throw UsageError({"-o " + path,
                      "1 to " + std::to_string(most_in_a_picture) + " images in a picture",
                      std::to_string(count), "Choose with --count, or write .npy."});
  Mosaic mosaic(count, runner.model.rows, runner.model.cols);
  decode_blocks(runner, codes, count,
                [&](std::int64_t first, std::int64_t rows, const float* images) {
                  for (std::int64_t i = 0; i < rows; ++i)
                    mosaic.place(first + i, images + i * runner.model.network.output_width());
                });
  write_png(path, mosaic.picture());
}

void write_npy(const std::string& path, ModelRunner& runner, const NpyReader& codes,
               std::int64_t count) {
  NpyWriter writer(path, runner.model.network.output_width());
  decode_blocks(runner, codes, count, [&](std::int64_t, std::int64_t rows, const float* images) {
    writer.append(images, rows);
  });
  writer.commit();
}

int decode_verb(const DecodeFlags& flags) {
  require_ending(flags.output, {".npy", ".png"});
  ModelRunner runner = load_runner(flags.model, flags.engine.resolved());
  const NpyReader codes(flags.codes);
  const std::int64_t code_width = runner.model.network.code_width();
  if (codes.cols() != code_width)
    throw DataError(
        {flags.codes, "codes of " + std::to_string(code_width) + " numbers, as the model's",
         std::to_string(codes.cols()) + " numbers a row", "Use codes that this model encoded."});
  const std::int64_t count = flags.count > 0 ? std::min(flags.count, codes.rows()) : codes.rows();
  if (flags.output.ends_with(".png"))
    write_mosaic(flags.output, runner, codes, count);
  else
    write_npy(flags.output, runner, codes, count);
  std::printf("%s: %lld images of %s\n", flags.output.c_str(), static_cast<long long>(count),
              shape_text(runner.model.rows, runner.model.cols).c_str());
  return 0;
}

}  // namespace

void add_decode(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<DecodeFlags>();
  CLI::App* verb = app.add_subcommand("decode", "Turn codes back into images");
  verb->add_option("MODEL", flags->model, "model.safetensors or a run directory")->required();
  verb->add_option("CODES", flags->codes, ".npy file of codes")->required();
  flags->engine.add(*verb);
  verb->add_option("--count", flags->count, "the first so many codes only; 0: all")
      ->check(whole_number(0));
  verb->add_option("-o,--out", flags->output,
                   "what to write: .npy, one image a row; or .png, a grid of them")
      ->required();
  verb->callback(
      [flags, &invocation] { invocation.action = [flags] { return decode_verb(*flags); }; });
}

}  // namespace hourglass::tools
