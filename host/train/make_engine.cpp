#include "hourglass/make_engine.h"

#include <array>
#include <string>
#include <utility>

#include "cpu/cpu_engine.h"
#include "cuda/covariance.h"
#include "cuda/cuda_engine.h"
#include "hourglass/error.h"
#include "initialise/covariance.h"
#include "reference/reference_engine.h"
#include "train/check_engine.h"
#include "train/engine_request.h"

namespace hourglass {
namespace {

cuda::CudaOptions cuda_options(const EngineRequest& request) {
  constexpr std::array arithmetics{cuda::Arithmetic::fp32, cuda::Arithmetic::bf16,
                                   cuda::Arithmetic::tf32};
  cuda::CudaOptions options;
  options.device = cuda_index(request.device);
  options.arithmetic = arithmetics[static_cast<std::size_t>(*request.precision)];
  if (request.stream == "resident") options.placement = cuda::Placement::resident;
  if (request.stream == "stream") options.placement = cuda::Placement::stream;
  options.graphs = request.graphs;
  options.profile_first = request.profile_steps.first;
  options.profile_last = request.profile_steps.last;
  return options;
}

/// Why the first GPU cannot be used; empty if it can.
std::string gpu_problem() {
  const cuda::CudaStatus status = cuda::cuda_device_status();
  if (status.devices.empty()) return status.problem;
  const cuda::CudaDevice& device = status.devices.front();
  if (device.major >= cuda::least_major) return "";
  return device.name + ", older than compute capability " + std::to_string(cuda::least_major) +
         ".0";
}

/// Whether the CPU can do all that is asked for.
bool suits_cpu(EngineRequest request) {
  request.device = "cpu";
  try {
    request.validate();
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

std::unique_ptr<Engine> make_plain_engine(const TrainingPlan& plan, const EngineRequest& request) {
  if (request.is_cuda()) return cuda::make_cuda_engine(plan, cuda_options(request));
  if (request.device == "reference") return reference::make_reference_engine(plan);
  cpu::CpuOptions options;
  options.threads = request.threads;
  options.precision = *request.precision;
  return cpu::make_cpu_engine(plan, options);
}

}  // namespace

ResolvedRequest resolve(const EngineRequest& request) {
  request.validate();
  ResolvedRequest resolved{request, ""};
  EngineRequest& result = resolved.request;
  if (result.is_cuda()) cuda::require_cuda_device(cuda_index(result.device));
  if (result.device == "auto") {
    const std::string problem = gpu_problem();
    result.device = problem.empty() ? "cuda" : "cpu";
    result.cpu_may_stand_in = problem.empty() && suits_cpu(request);
    if (!problem.empty() && cuda::built_with_cuda()) resolved.note = "on the CPU: " + problem;
  }
  result.validate();
  if (!result.precision) result.precision = result.is_cuda() ? Precision::tf32 : Precision::fp32;
  return resolved;
}

ChosenEngine choose_engine(const TrainingPlan& plan, const EngineRequest& request) {
  ChosenEngine chosen{nullptr, resolve(request).request, ""};
  EngineRequest& resolved = chosen.request;
  try {
    chosen.engine = make_plain_engine(plan, resolved);
  } catch (const Error& error) {
    if (!resolved.cpu_may_stand_in || error.code() != ExitCode::device) throw;
    chosen.note = std::string("on the CPU: ") + error.what();
    resolved.device = "cpu";
    resolved.cpu_may_stand_in = false;
    if (resolved.precision == Precision::tf32) resolved.precision = Precision::fp32;
    chosen.engine = make_plain_engine(plan, resolved);
  }
  if (resolved.check)
    chosen.engine =
        make_check_engine(plan, std::move(chosen.engine), reference::make_reference_engine(plan));
  return chosen;
}

PrincipalComponents principal_components(const Images& images, std::int64_t count,
                                         const EngineRequest& request) {
  return principal_components(images, count, [&](const Images& part) {
    if (request.is_cuda())
      if (auto moments = cuda::image_moments(part, cuda_index(request.device))) return *moments;
    return image_moments(part, request.cpu_threads());
  });
}

}  // namespace hourglass
