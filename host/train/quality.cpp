#include "hourglass/quality.h"

#include <algorithm>

#include "cpu/cpu_engine.h"

namespace hourglass {

Quality quality(const Evaluation& evaluation, std::int64_t width) {
  const auto images = static_cast<double>(evaluation.images);
  const double se = evaluation.se_sum / images;
  return {se / static_cast<double>(width), se, evaluation.se_clipped_sum / images};
}

DeadUnits dead_units(const Evaluation& evaluation, const NetworkSpec& network,
                     const std::vector<bool>& lit_in_training) {
  DeadUnits dead;
  for (std::size_t l = 0; l < evaluation.unit_min.size(); ++l) {
    std::int64_t count = 0;
    for (std::size_t unit = 0; unit < evaluation.unit_min[l].size(); ++unit)
      count += evaluation.unit_min[l][unit] == evaluation.unit_max[l][unit] ? 1 : 0;
    dead.layers.push_back(count);
  }
  dead.code = dead.layers[static_cast<std::size_t>(network.encoder_layers() - 1)];
  const std::vector<float>& highest = evaluation.unit_max.back();
  for (std::size_t pixel = 0; pixel < highest.size(); ++pixel)
    dead.outputs += lit_in_training[pixel] && !(highest[pixel] > 0.0F) ? 1 : 0;
  return dead;
}

std::vector<bool> lit_pixels(const Images& images) {
  const auto width = static_cast<std::size_t>(images.width());
  std::vector<std::uint8_t> any(width, 0);
  for (std::int64_t i = 0; i < images.count; ++i) {
    if (images.type == PixelType::u8) {
      const auto* row = reinterpret_cast<const std::uint8_t*>(images.row(i));
      for (std::size_t p = 0; p < width; ++p) any[p] = static_cast<std::uint8_t>(any[p] | row[p]);
    } else {
      const auto* row = reinterpret_cast<const float*>(images.row(i));
      for (std::size_t p = 0; p < width; ++p)
        any[p] = static_cast<std::uint8_t>(any[p] | (row[p] > 0.0F ? 1 : 0));
    }
  }
  return {any.begin(), any.end()};
}

PcaQuality pca_quality(const PrincipalComponents& components, const Images& test, int threads) {
  const PcaNetwork pca = pca_network(components);
  TrainingPlan plan;
  plan.network = pca.network;
  cpu::CpuOptions options;
  options.threads = threads;
  options.sparse_input = cpu::is_sparse(test);
  const auto engine = cpu::make_cpu_engine(plan, options);
  TrainingState state;
  state.parameters = pca.parameters;
  state.first_moment.resize(pca.parameters.size());
  state.second_moment.resize(pca.parameters.size());
  engine->set_state(state);
  return {static_cast<std::int64_t>(components.variances.size()),
          quality(engine->evaluate(test), components.width)};
}

std::optional<PcaQuality> pca_beside(const NetworkSpec& network, const Images& training,
                                     const Images& test, const EngineRequest& request) {
  const std::int64_t width = network.input_width();
  if (width > max_principal_width) return std::nullopt;
  const std::int64_t count = std::min(network.code_width(), width);
  return pca_quality(principal_components(training, count, request), test, request.cpu_threads());
}

}  // namespace hourglass
