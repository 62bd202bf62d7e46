#include "hourglass/make_engine.h"

#include <algorithm>
#include <array>

#include "cpu/cpu_engine.h"
#include "hourglass/error.h"
#include "hourglass/nearest.h"
#include "reference/reference_engine.h"
#include "train/check_engine.h"

namespace hourglass {
namespace {

constexpr std::array<std::string_view, 2> precision_names{"fp32", "bf16"};
constexpr std::array<std::string_view, 4> device_names{"auto", "cpu", "reference", "cuda"};

std::unique_ptr<Engine> make_plain_engine(const TrainingPlan& plan, const EngineRequest& request) {
  const std::string_view device = request.device;
  if (device == "cuda" || device.starts_with("cuda:"))
    throw DeviceError({"--device " + request.device, "an NVIDIA GPU and the CUDA engine",
                       "a build without CUDA", "Use --device cpu or --device auto."});
  if (device == "reference") return reference::make_reference_engine(plan);
  if (device != "auto" && device != "cpu")
    throw UsageError(unknown_name("device", device, device_names));
  cpu::CpuOptions options;
  options.threads = request.threads;
  options.precision = request.precision;
  return cpu::make_cpu_engine(plan, options);
}

}  // namespace

std::string_view name(Precision precision) {
  return precision_names[static_cast<std::size_t>(precision)];
}

Precision parse_precision(std::string_view text) {
  const auto found = std::ranges::find(precision_names, text);
  if (found == precision_names.end())
    throw UsageError(unknown_name("precision", text, precision_names));
  return static_cast<Precision>(found - precision_names.begin());
}

std::unique_ptr<Engine> make_engine(const TrainingPlan& plan, const EngineRequest& request) {
  auto engine = make_plain_engine(plan, request);
  if (!request.check) return engine;
  return make_check_engine(plan, std::move(engine), reference::make_reference_engine(plan));
}

}  // namespace hourglass
