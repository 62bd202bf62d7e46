// Flags that several verbs share, with one wording and one default.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "hourglass/data.h"
#include "hourglass/make_engine.h"

namespace hourglass::tools {

struct DataFlags {
  DataRequest request;
  void add(CLI::App& verb) {
    verb.add_option("--data", request.source,
                    "mnist, strokes[:COUNT] (built in), a folder, or IDX files TRAIN[,TEST]");
    verb.add_option("--limit", request.limit, "use at most this many images of each part; -1: all");
  }
};

inline void add_threads(CLI::App& verb, int& threads) {
  verb.add_option("--threads", threads, "CPU threads; 0: all this process may use")
      ->check(CLI::Range(0, 1024));
}

struct EngineFlags {
  EngineRequest request;
  std::string precision = "fp32";
  void add(CLI::App& verb) {
    verb.add_option("--device", request.device, "auto, cpu, reference, cuda or cuda:INDEX");
    verb.add_option("--precision", precision, "fp32 or bf16");
    add_threads(verb, request.threads);
  }
  /// The request, with the precision's name read. Throws UsageError.
  [[nodiscard]] EngineRequest resolved() const {
    EngineRequest result = request;
    result.precision = parse_precision(precision);
    return result;
  }
};

}  // namespace hourglass::tools
