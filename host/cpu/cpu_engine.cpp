#include "cpu/cpu_engine.h"

#include <algorithm>
#include <string>
#include <vector>

#include "cpu/engine_frame.h"
#include "cpu/fused_passes.h"
#include "cpu/library_passes.h"
#include "onednn/product.h"

namespace hourglass::cpu {
namespace {

// Above this share of lit pixels the dense products are faster (measured; docs/kernels.md).
constexpr double sparse_density_limit = 0.4;

std::string with_threads(std::string text, int threads) {
  return std::move(text) + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

}  // namespace

double density(const Images& images) {
  if (images.count == 0) return 1.0;
  constexpr std::int64_t sample = 1000;
  const std::int64_t step = std::max<std::int64_t>(1, images.count / sample);
  std::vector<float> row(static_cast<std::size_t>(images.width()));
  std::int64_t lit = 0;
  std::int64_t seen = 0;
  for (std::int64_t i = 0; i < images.count; i += step) {
    images.read(i, row.data());
    lit += std::count_if(row.begin(), row.end(), [](float x) { return x != 0.0F; });
    seen += images.width();
  }
  return static_cast<double>(lit) / static_cast<double>(seen);
}

bool is_sparse(const Images& images) { return density(images) < sparse_density_limit; }

std::unique_ptr<Engine> make_cpu_engine(const TrainingPlan& plan, const CpuOptions& options) {
  plan.network.validate();
  plan.optimizer.validate();
  if (plan.batch < 1)
    throw UsageError("the batch must be at least 1, found " + std::to_string(plan.batch));
  const Kernels& kernels = options.kernels != nullptr ? *options.kernels : best_kernels();
  EngineInfo info;
  info.name = "cpu";
  info.threads = options.threads > 0 ? options.threads : default_threads();
  info.precision = options.precision == Precision::bf16 ? "bf16" : "fp32";
  info.device = with_threads(std::string(kernels.name), info.threads);

  const bool bf16 = options.precision == Precision::bf16;
  if (bf16 && !onednn::has_bf16())
    info.device += " (no bf16 instructions here: rounded to bf16, multiplied in fp32)";
  if (options.library.value_or(bf16 && onednn::has_bf16())) {
    info.device += std::string(", products by oneDNN ") + onednn::version_text();
    return std::make_unique<EngineFrame<LibraryPasses>>(
        plan, info,
        std::make_unique<LibraryPasses>(plan.network, kernels, options.precision, info.threads));
  }
  const bool sparse = options.sparse_input ? *options.sparse_input : is_sparse(plan.train);
  if (sparse) info.device += ", sparse input";
  return std::make_unique<EngineFrame<FusedPasses>>(
      plan, info,
      std::make_unique<FusedPasses>(plan.network, kernels, options.precision, sparse,
                                    options.skip_zeros, info.threads));
}

}  // namespace hourglass::cpu
