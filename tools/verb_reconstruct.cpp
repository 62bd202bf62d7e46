// hourglass reconstruct
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common_flags.h"
#include "hourglass/error.h"
#include "hourglass/npy.h"
#include "hourglass/picture.h"
#include "hourglass/png.h"
#include "model_runner.h"
#include "row_source.h"
#include "show.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

struct ReconstructFlags {
  std::string model;
  std::vector<std::string> inputs;
  EngineFlags engine;
  std::string output;
  std::int64_t count = 10;
  bool show = false;
};

bool is_png(const std::string& path) {
  constexpr std::array<char, 8> signature{'\x89', 'P', 'N', 'G', '\r', '\n', '\x1a', '\n'};
  std::array<char, 8> start{};
  std::ifstream file(path, std::ios::binary);
  return file.read(start.data(), start.size()) && start == signature;
}

RowSource rows_of_png(const std::string& path, const ModelFile& model) {
  const Picture picture = read_gray_png(path);
  if (picture.rows != model.rows || picture.cols != model.cols)
    throw DataError(
        {path, "a picture of " + shape_text(model.rows, model.cols) + ", as the model's images",
         shape_text(picture.rows, picture.cols), "Scale or crop it to that shape."});
  return {path, 1, picture.rows * picture.cols, [picture](std::int64_t, std::int64_t, float* out) {
            std::ranges::transform(picture.pixels, out, [](std::uint8_t pixel) {
              return static_cast<float>(pixel) / 255.0F;
            });
          }};
}

/// As `--data` would take it: a name, a folder, or TRAIN,TEST unless there is a file called so.
bool is_data_set(const std::string& input) {
  std::error_code ignored;
  if (names_data_set(input) || std::filesystem::is_directory(input, ignored)) return true;
  return !std::filesystem::exists(input, ignored) && input.find(',') != std::string::npos;
}

/// A data set's test images, or a PNG, an IDX or an .npy file.
RowSource open_input(const std::string& input, const ModelFile& model) {
  if (!is_data_set(input))
    return is_png(input) || input.ends_with(".png") ? rows_of_png(input, model)
                                                    : rows_of_file(input);
  DataRequest request;
  request.source = input;
  const DataSet data = obtain_dataset(request);
  if (!data.note.empty()) std::fprintf(stderr, "note    %s\n", data.note.c_str());
  return rows_of(data.test, data.name);
}

int reconstruct_verb(const ReconstructFlags& flags) {
  if (flags.output.empty() && !flags.show)
    throw UsageError("reconstruct: say what to do with the result, -o FILE or --show.");
  if (!flags.output.empty()) require_ending(flags.output, {".png", ".npy"});
  ModelRunner runner = load_runner(flags.model, flags.engine.resolved());
  const std::int64_t width = runner.model.network.input_width();
  std::vector<float> originals;
  for (const std::string& input : flags.inputs) {
    const RowSource source = open_input(input, runner.model);
    require_width(runner, source.width, source.name);
    const std::int64_t count = flags.count > 0 ? std::min(flags.count, source.count) : source.count;
    const std::size_t before = originals.size();
    originals.resize(before + static_cast<std::size_t>(count * width));
    source.read(0, count, originals.data() + before);
  }
  const std::int64_t count = static_cast<std::int64_t>(originals.size()) / width;
  std::vector<float> outputs(originals.size());
  runner.engine->forward(Part::whole, originals.data(), count, outputs.data());

  const std::int64_t rows = runner.model.rows;
  const std::int64_t cols = runner.model.cols;
  if (flags.output.ends_with(".npy")) {
    NpyWriter writer(flags.output, width);
    writer.append(outputs.data(), count);
    writer.commit();
  } else if (!flags.output.empty()) {
    write_png(flags.output,
              reconstruction_grid(originals.data(), outputs.data(), count, rows, cols));
  }
  if (flags.show) show_pictures(originals.data(), outputs.data(), count, rows, cols, stdout);
  if (!flags.output.empty())
    std::printf("%s: %lld images of %s\n", flags.output.c_str(), static_cast<long long>(count),
                shape_text(rows, cols).c_str());
  return 0;
}

}  // namespace

void add_reconstruct(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<ReconstructFlags>();
  CLI::App* verb =
      app.add_subcommand("reconstruct", "Run images through a model and show what comes out");
  verb->add_option("MODEL", flags->model, "model.safetensors or a run directory")->required();
  verb->add_option("INPUT", flags->inputs,
                   "PNG files of the model's image size, IDX or .npy files, or the test images of "
                   "mnist, strokes[:COUNT], a folder or TRAIN,TEST; a file named as a data set: "
                   "./mnist")
      ->required();
  flags->engine.add(*verb);
  verb->add_option("--count", flags->count, "the first so many images of each input; 0: all")
      ->check(whole_number(0));
  verb->add_option("-o,--out", flags->output,
                   "what to write: .png, originals above reconstructions above differences; or "
                   ".npy, a reconstruction a row")
      ->default_str("none");
  verb->add_flag("--show", flags->show, "print the pictures in the terminal");
  verb->callback(
      [flags, &invocation] { invocation.action = [flags] { return reconstruct_verb(*flags); }; });
}

}  // namespace hourglass::tools
