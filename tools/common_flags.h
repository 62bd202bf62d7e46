// Flags that several verbs share, with one wording and one default.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "hourglass/data.h"
#include "hourglass/make_engine.h"
#include "usage.h"

namespace hourglass::tools {

/// What names a data set, for help texts.
inline constexpr const char* data_help =
    "mnist, strokes[:COUNT] (built in), a folder, or IDX files TRAIN[,TEST]; a file named as a "
    "data set: ./mnist";

struct DataFlags {
  DataRequest request;
  void add(CLI::App& verb) {
    verb.add_option("--data", request.source, data_help);
    verb.add_option("--limit", request.limit, "use at most this many images of each part; -1: all");
  }
};

inline void add_threads(CLI::App& verb, int& threads) {
  verb.add_option("--threads", threads, "CPU threads; 0: all this process may use")
      ->check(whole_number(0, 1024));
}

struct EngineFlags {
  EngineRequest request;
  std::string precision = "auto";
  void add(CLI::App& verb) {
    verb.add_option("--device", request.device, "auto, cpu, reference, cuda or cuda:INDEX");
    verb.add_option("--precision", precision,
                    "fp32, bf16, tf32 (GPU only); auto: tf32 on a GPU, else fp32");
    verb.add_option("--stream", request.stream,
                    "training images on a GPU: resident, stream (copied as needed) or auto");
    add_threads(verb, request.threads);
  }
  /// The request as this machine can meet it; says on stderr why `auto` is not the GPU. Throws
  /// UsageError and DeviceError.
  [[nodiscard]] EngineRequest resolved() const {
    EngineRequest result = request;
    if (precision != "auto") result.precision = parse_precision(precision);
    const ResolvedRequest choice = resolve(result);
    if (!choice.note.empty()) std::fprintf(stderr, "device  %s\n", choice.note.c_str());
    return choice.request;
  }
};

}  // namespace hourglass::tools
