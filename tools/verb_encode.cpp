// hourglass encode
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common_flags.h"
#include "hourglass/npy.h"
#include "model_runner.h"
#include "row_source.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

struct EncodeFlags {
  std::string model;
  DataFlags data;
  EngineFlags engine;
  std::string part = "test";
  std::string input;
  std::string output;
};

RowSource open_source(const EncodeFlags& flags) {
  if (!flags.input.empty()) return rows_of_file(flags.input);
  const DataSet data = obtain_dataset(flags.data.request);
  if (!data.note.empty()) std::fprintf(stderr, "note    %s\n", data.note.c_str());
  return rows_of(part_of(data, flags.part), data.name);
}

int encode_verb(const EncodeFlags& flags) {
  require_ending(flags.output, {".npy"});
  ModelRunner runner = load_runner(flags.model, flags.engine.resolved());
  const RowSource source = open_source(flags);
  require_width(runner, source.width, source.name);
  const std::int64_t code_width = runner.model.network.code_width();
  std::vector<float> images(static_cast<std::size_t>(block_rows * source.width));
  std::vector<float> codes(static_cast<std::size_t>(block_rows * code_width));
  NpyWriter writer(flags.output, code_width);
  for (std::int64_t first = 0; first < source.count; first += block_rows) {
    const std::int64_t count = std::min(block_rows, source.count - first);
    source.read(first, count, images.data());
    runner.engine->forward(Part::encoder, images.data(), count, codes.data());
    writer.append(codes.data(), count);
  }
  writer.commit();
  std::printf("%s: %lld codes of %lld numbers, float32\n", flags.output.c_str(),
              static_cast<long long>(writer.rows()), static_cast<long long>(code_width));
  return 0;
}

}  // namespace

void add_encode(CLI::App& app, Invocation& invocation) {
  auto flags = std::make_shared<EncodeFlags>();
  CLI::App* verb = app.add_subcommand("encode", "Write the codes of images as .npy");
  verb->add_option("MODEL", flags->model, "model.safetensors or a run directory")->required();
  flags->data.add(*verb);
  flags->engine.add(*verb);
  verb->add_option("--part", flags->part, "of --data: train, validation or test");
  verb->add_option("--input", flags->input,
                   "instead of --data: all images of an IDX file, or rows of an .npy file with "
                   "numbers from 0 to 1")
      ->default_str("none")
      ->excludes("--data");
  verb->add_option("-o,--out", flags->output, "the .npy file to write")->required();
  verb->callback(
      [flags, &invocation] { invocation.action = [flags] { return encode_verb(*flags); }; });
}

}  // namespace hourglass::tools
