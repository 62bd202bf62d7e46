// hourglass data: fetch, info, check, export
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "common_flags.h"
#include "hourglass/data.h"
#include "hourglass/error.h"
#include "hourglass/nearest.h"
#include "verbs.h"

namespace hourglass::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct SourceFlags {
  std::string source;
  std::string directory;
  bool force = false;
  bool json = false;
};

/// A part of a data set under the name that people and files give it.
struct NamedPart {
  const char* name;
  const char* file_stem;
  const Images* images;
  const std::vector<std::int32_t>* labels;
};

std::array<NamedPart, 3> parts_of(const DataSet& data, const DataLabels& labels) {
  return {NamedPart{"train", "train", &data.train, &labels.train},
          NamedPart{"validation", "validation", &data.validation, &labels.validation},
          NamedPart{"test", "t10k", &data.test, &labels.test}};
}

int fetch(const SourceFlags& flags) {
  constexpr std::array<std::string_view, 1> names{"mnist"};
  if (flags.source != names[0])
    throw UsageError(unknown_name("data set to fetch", flags.source, names));
  const std::string directory = flags.directory.empty() ? mnist_directory() : flags.directory;
  fetch_mnist(directory, flags.force);
  std::printf("%s\n", directory.c_str());
  return 0;
}

Json part_json(const NamedPart& part) {
  const ImagesInfo info = describe(*part.images, *part.labels);
  Json labels = Json::object();
  for (const auto& [label, count] : info.labels) labels[std::to_string(label)] = count;
  return {{"images", info.count}, {"rows", info.rows},
          {"cols", info.cols},    {"type", info.type == PixelType::u8 ? "u8" : "f32"},
          {"min", info.min},      {"max", info.max},
          {"mean", info.mean},    {"zero_share", info.zero_share},
          {"labels", labels}};
}

void print_part(const NamedPart& part) {
  const ImagesInfo info = describe(*part.images, *part.labels);
  std::printf("%-10s  %lld images of %lldx%lld %s, values %g to %g, mean %.4f, %.1f %% zero\n",
              part.name, static_cast<long long>(info.count), static_cast<long long>(info.rows),
              static_cast<long long>(info.cols), info.type == PixelType::u8 ? "u8" : "f32",
              info.min, info.max, info.mean, 100 * info.zero_share);
  if (info.labels.empty()) return;
  std::printf("%-10s  labels", "");
  for (const auto& [label, count] : info.labels)
    std::printf(" %d:%lld", label, static_cast<long long>(count));
  std::printf("\n");
}

int info(const SourceFlags& flags) {
  DataLabels labels;
  const DataSet data = load_dataset({flags.source}, &labels);
  if (flags.json) {
    Json object{{"name", data.name}, {"builtin", data.builtin}, {"note", data.note}};
    object["files"] = Json::array();
    for (const SourceFile& file : data.files)
      object["files"].push_back({{"path", file.path}, {"sha256", file.sha256}});
    for (const NamedPart& part : parts_of(data, labels)) object[part.name] = part_json(part);
    std::printf("%s\n", object.dump().c_str());
    return 0;
  }
  std::printf("%s\n", data.name.c_str());
  if (!data.note.empty()) std::printf("note: %s\n", data.note.c_str());
  for (const NamedPart& part : parts_of(data, labels)) print_part(part);
  for (const SourceFile& file : data.files)
    std::printf("%s\n  sha256 %s\n", file.path.c_str(), file.sha256.c_str());
  return 0;
}

/// What is to be known of the data; on stderr, where results are on stdout.
void print_note(const DataSet& data) {
  if (!data.note.empty()) std::fprintf(stderr, "note    %s\n", data.note.c_str());
}

/// Loading a data set checks all of it; what is wrong leaves as an error with exit code 3.
int check(const SourceFlags& flags) {
  DataLabels labels;
  const DataSet data = load_dataset({flags.source}, &labels);
  print_note(data);
  std::printf("%s: right; %lld training, %lld validation, %lld test images of %lldx%lld%s\n",
              data.name.c_str(), static_cast<long long>(data.train.count),
              static_cast<long long>(data.validation.count),
              static_cast<long long>(data.test.count), static_cast<long long>(data.train.rows),
              static_cast<long long>(data.train.cols),
              labels.train.empty() ? ", no labels" : ", with labels");
  return 0;
}

int export_parts(const SourceFlags& flags) {
  DataLabels labels;
  const DataSet data = load_dataset({flags.source}, &labels);
  print_note(data);
  const fs::path directory = flags.directory;
  const auto images_path = [&](const NamedPart& part) {
    return directory / (std::string(part.file_stem) + "-images-idx3-ubyte");
  };
  const auto labels_path = [&](const NamedPart& part) {
    return directory / (std::string(part.file_stem) + "-labels-idx1-ubyte");
  };
  std::error_code error;
  for (const NamedPart& part : parts_of(data, labels))
    for (const fs::path& path : {images_path(part), labels_path(part)})
      if (!flags.force && fs::exists(path, error))
        throw UsageError({path.string(), "a new file", "one that exists",
                          "Use --force to replace it, or another directory."});
  fs::create_directories(directory, error);
  if (error)
    throw IoError("cannot make the directory " + directory.string() + ": " + error.message() +
                  ". Name a place that can be written.");
  for (const NamedPart& part : parts_of(data, labels)) {
    write_idx(images_path(part), *part.images);
    std::printf("%s\n", images_path(part).c_str());
    if (part.labels->empty()) continue;
    write_idx_labels(labels_path(part), *part.labels);
    std::printf("%s\n", labels_path(part).c_str());
  }
  return 0;
}

CLI::App* add_verb(CLI::App& data, Invocation& invocation, const char* name, const char* help,
                   int (*verb)(const SourceFlags&), const std::shared_ptr<SourceFlags>& flags) {
  CLI::App* sub = data.add_subcommand(name, help);
  sub->callback(
      [flags, verb, &invocation] { invocation.action = [flags, verb] { return verb(*flags); }; });
  return sub;
}

}  // namespace

void add_data(CLI::App& app, Invocation& invocation) {
  CLI::App* data = app.add_subcommand("data", "Fetch, inspect, check and export data sets");
  data->require_subcommand(1);
  auto flags = std::make_shared<SourceFlags>();

  CLI::App* sub =
      add_verb(*data, invocation, "fetch", "Fetch a data set into the cache", fetch, flags);
  sub->add_option("NAME", flags->source, "mnist")->required();
  sub->add_option("-o,--out,--dir", flags->directory, "where to")
      ->default_str("$HOURGLASS_DATA_DIR, else the cache");
  sub->add_flag("--force", flags->force, "fetch again what is there and right");

  sub = add_verb(*data, invocation, "info", "Say what a data set holds", info, flags);
  sub->add_option("SOURCE", flags->source, data_help)->required();
  sub->add_flag("--json", flags->json, "print one JSON object");

  sub = add_verb(*data, invocation, "check", "Read and check all of a data set", check, flags);
  sub->add_option("SOURCE", flags->source, data_help)->required();

  sub = add_verb(*data, invocation, "export", "Write a data set's three parts as plain IDX files",
                 export_parts, flags);
  sub->add_option("SOURCE", flags->source, data_help)->required();
  sub->add_option("-o,--out,DIR", flags->directory, "the directory to write to")->required();
  sub->add_flag("--force", flags->force, "replace files that are there");
}

}  // namespace hourglass::tools
