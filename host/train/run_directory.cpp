#include "train/run_directory.h"

#include <array>
#include <system_error>
#include <utility>

#include "hourglass/atomic_file.h"
#include "hourglass/error.h"

namespace hourglass {
namespace {

namespace fs = std::filesystem;

constexpr std::array run_files{
    "model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "config.json",
    "environment.json",  "reconstructions.png",    "loss.png",      "report.md"};

bool holds_run(const fs::path& path) {
  std::error_code ignored;
  for (const char* name : run_files)
    if (fs::exists(fs::symlink_status(path / name, ignored))) return true;
  return false;
}

}  // namespace

RunDirectory::RunDirectory(fs::path path, Open mode) : path_(std::move(path)) {
  std::error_code error;
  if (fs::exists(path_, error) && !fs::is_directory(path_, error))
    throw UsageError({path_.string(), "a directory for the run", "a file", "Name another --out."});
  if (mode == Open::resume && !fs::exists(checkpoint(), error))
    throw ModelError({checkpoint().string(), "the checkpoint of a run", "no such file",
                      "Check the directory given to --resume."});
  if (mode == Open::create && holds_run(path_))
    throw UsageError({path_.string(), "a directory without a run", "files of an earlier run",
                      "Use --resume to go on with it, --force to replace it, or another --out."});
  fs::create_directories(path_, error);
  if (error)
    throw IoError("cannot make the run directory " + path_.string() + ": " + error.message() +
                  ". Name a place that can be written with --out.");
  remove_stale_temporaries(path_);
  if (mode != Open::replace) return;
  for (const char* name : run_files) {
    fs::remove(path_ / name, error);
    if (error) throw IoError("cannot replace " + (path_ / name).string() + ": " + error.message());
  }
}

}  // namespace hourglass
