#include "eval/metrics/rate_distortion.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace quantbench {
namespace {

/// The water level where the `active` sources of largest mean square get all the bits.
struct WaterLevel {
  double weights = 0;
  double log2_sum = 0;  // sum of n_i log2 s_i^2 of the active sources

  void add(const GaussianSource& source) {
    weights += static_cast<double>(source.weights);
    log2_sum += static_cast<double>(source.weights) * std::log2(source.mean_square);
  }
  double at(double bits) const { return std::exp2((log2_sum - 2 * bits) / weights); }
};

}  // namespace

double least_squared_error(std::span<const GaussianSource> sources, double bits_per_weight) {
  std::vector<GaussianSource> sorted(sources.begin(), sources.end());
  std::erase_if(sorted, [](const GaussianSource& source) { return source.weights == 0 || source.mean_square == 0; });
  if (sorted.empty()) return 0;
  std::ranges::sort(sorted, std::greater(), &GaussianSource::mean_square);
  double all_weights = 0;
  for (const GaussianSource& source : sources) all_weights += static_cast<double>(source.weights);

  WaterLevel level;
  std::size_t active = 0;
  // A source below the level that the larger ones reach alone gets no bits.
  while (active < sorted.size() &&
         (active == 0 || sorted[active].mean_square > level.at(bits_per_weight * all_weights)))
    level.add(sorted[active++]);
  double error = level.weights * level.at(bits_per_weight * all_weights);
  for (std::size_t i = active; i < sorted.size(); ++i)
    error += static_cast<double>(sorted[i].weights) * sorted[i].mean_square;
  return error / all_weights;
}

std::optional<double> rate_distortion_db(double mean_squared_error, std::span<const GaussianSource> sources,
                                         double bits_per_weight) {
  const double bound = least_squared_error(sources, bits_per_weight);
  if (mean_squared_error <= 0 || bound <= 0) return std::nullopt;
  return 10 * std::log10(mean_squared_error / bound);
}

}  // namespace quantbench
