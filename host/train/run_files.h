// What a finished run writes beside its model: pictures, report, environment.
#pragma once

#include <cstdint>
#include <filesystem>

#include "hourglass/engine.h"
#include "hourglass/trainer.h"
#include "train/run_directory.h"

namespace hourglass {

/// model.safetensors, with the metrics and the data's hashes in its metadata.
void write_model(const RunDirectory& directory, const TrainRequest& request,
                 const TrainResult& result, const TrainingState& state);
/// environment.json: version, engine, compiler, libraries, time, data.
void write_environment(const RunDirectory& directory, const TrainRequest& request,
                       const EngineInfo& engine);
/// reconstructions.png of the first test images.
void write_reconstructions(const RunDirectory& directory, const TrainRequest& request,
                           Engine& engine);
/// loss.png and report.md.
void write_report(const RunDirectory& directory, const TrainRequest& request,
                  const TrainResult& result, std::int64_t steps_per_epoch);

/// Whether `directory` has the model and the report of a run that ended at `step`.
[[nodiscard]] bool holds_result(const std::filesystem::path& directory, std::int64_t step);

}  // namespace hourglass
