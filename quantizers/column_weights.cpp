#include "quantizers/column_weights.h"

#include <numeric>
#include <optional>

#include "quantizers/method_catalog.h"

namespace quantbench {
namespace {

constexpr double blended_from_bits = 1.5, fully_trusted_from_bits = 4;
constexpr std::size_t large_group = 256;

std::string automatic_choice(const Format& format, double bits_per_weight) {
  if (bits_per_weight < blended_from_bits || bits_per_weight >= fully_trusted_from_bits) return "on";
  return format.group == large_group ? "slight" : "blend";
}

/// How often the mean of all columns is added to each; nullopt: columns are not told apart.
std::optional<float> parts_of_mean(const std::string& choice) {
  if (choice == "on") return 0.0f;
  if (choice == "blend") return 1.0f;
  if (choice == "slight") return 3.0f;
  return std::nullopt;
}

}  // namespace

std::vector<float> column_weights(const Method& method, const Format& format, double bits_per_weight,
                                  std::span<const float> mean_square) {
  const auto option = method.options.find(std::string(imatrix_option));
  const auto parts =
      parts_of_mean(option == method.options.end() ? automatic_choice(format, bits_per_weight) : option->second);
  if (!parts || mean_square.empty()) return {};
  std::vector<float> weights(mean_square.begin(), mean_square.end());
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  const float evenly = *parts * static_cast<float>(sum / static_cast<double>(weights.size()));
  for (float& weight : weights) weight += evenly;
  return weights;
}

}  // namespace quantbench
