#include "train/engine_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "cpu/thread_pool.h"
#include "hourglass/error.h"
#include "hourglass/make_engine.h"
#include "hourglass/nearest.h"

namespace hourglass {
namespace {

constexpr std::array<std::string_view, 3> precision_names{"fp32", "bf16", "tf32"};
constexpr std::array<std::string_view, 4> device_names{"auto", "cpu", "reference", "cuda"};
constexpr std::array<std::string_view, 3> stream_names{"auto", "resident", "stream"};

/// What only a GPU can do.
void refuse_gpu_options(const EngineRequest& request) {
  const std::string found = "--device " + request.device;
  if (request.precision == Precision::tf32)
    throw UsageError(Finding{"--precision tf32", "an NVIDIA GPU (--device cuda)", found,
                             "Use --precision fp32 or bf16."});
  if (request.stream != "auto")
    throw UsageError(Finding{"--stream " + request.stream, "an NVIDIA GPU (--device cuda)", found,
                             "Leave it out: the images are in the CPU's memory as it is."});
  if (!request.graphs)
    throw UsageError(Finding{"--no-graphs", "an NVIDIA GPU (--device cuda)", found,
                             "Leave it out: there are no graphs on the CPU."});
  if (!request.profile_steps.empty())
    throw UsageError(Finding{"--profile-steps " + to_string(request.profile_steps),
                             "an NVIDIA GPU: profiling needs --device cuda", found,
                             "Leave it out; on the CPU use perf."});
}

/// The whole of `text` as a step's number; none if it is anything else.
std::optional<std::int64_t> step_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

void refuse_reference_options(const EngineRequest& request) {
  const std::string subject = "--device reference";
  const std::string remedy = "Leave it out, or use --device cpu.";
  if (request.precision.value_or(Precision::fp32) != Precision::fp32)
    throw UsageError(Finding{subject, "no --precision: it computes in double",
                             "--precision " + std::string(name(*request.precision)), remedy});
  if (request.threads > 1)
    throw UsageError(Finding{subject, "no --threads: it has one",
                             "--threads " + std::to_string(request.threads), remedy});
}

}  // namespace

int cuda_index(std::string_view device) {
  if (device == "cuda") return 0;
  const std::string_view number = device.substr(std::string_view("cuda:").size());
  int index = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (error != std::errc() || end != number.data() + number.size() || index < 0)
    throw UsageError(Finding{"--device " + std::string(device),
                             "cuda or cuda:INDEX, a number from 0", "'" + std::string(number) + "'",
                             "`nvidia-smi` lists the devices."});
  return index;
}

bool EngineRequest::is_cuda() const { return device == "cuda" || device.starts_with("cuda:"); }

int EngineRequest::cpu_threads() const { return threads > 0 ? threads : cpu::default_threads(); }

void EngineRequest::validate() const {
  if (std::ranges::find(stream_names, stream) == stream_names.end())
    throw UsageError(unknown_name("value of --stream", stream, stream_names));
  if (is_cuda()) {
    static_cast<void>(cuda_index(device));
    return;
  }
  if (std::ranges::find(device_names, device) == device_names.end())
    throw UsageError(unknown_name("device", device, device_names));
  if (device != "auto") refuse_gpu_options(*this);
  if (device == "reference") refuse_reference_options(*this);
}

StepRange parse_profile_steps(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto first = step_number(text.substr(0, colon));
  const auto last = step_number(text.substr(std::min(colon + 1, text.size())));
  const Finding finding{"--profile-steps", "A:B, the numbers of two steps, A below B",
                        "'" + std::string(text) + "'",
                        "100:110 is the ten steps from step 100 on; the first step is 0."};
  if (!first || !last || *first >= *last) throw UsageError(finding);
  return {*first, *last};
}

std::string to_string(const StepRange& steps) {
  return std::to_string(steps.first) + ":" + std::to_string(steps.last);
}

std::string_view name(Precision precision) {
  return precision_names[static_cast<std::size_t>(precision)];
}

Precision parse_precision(std::string_view text) {
  const auto found = std::ranges::find(precision_names, text);
  if (found == precision_names.end())
    throw UsageError(unknown_name("precision", text, precision_names));
  return static_cast<Precision>(found - precision_names.begin());
}

}  // namespace hourglass
