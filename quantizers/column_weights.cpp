#include "quantizers/column_weights.h"

#include <numeric>

#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

constexpr double blended_from_bits = 1.5, fully_trusted_from_bits = 4;

std::string choice_of(const Method& method, double bits_per_weight) {
  const auto option = method.options.find(std::string(imatrix_option));
  if (option != method.options.end()) return option->second;
  return bits_per_weight >= blended_from_bits && bits_per_weight < fully_trusted_from_bits ? "blend" : "on";
}

}  // namespace

std::vector<float> column_weights(const Method& method, double bits_per_weight, std::span<const float> mean_square) {
  const std::string choice = choice_of(method, bits_per_weight);
  if (choice == "off" || mean_square.empty()) return {};
  std::vector<float> weights(mean_square.begin(), mean_square.end());
  if (choice == "blend") {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const auto mean = static_cast<float>(sum / static_cast<double>(weights.size()));
    for (float& weight : weights) weight += mean;
  }
  return weights;
}

}  // namespace quantbench
