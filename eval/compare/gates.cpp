#include "eval/compare/gates.h"

#include <fnmatch.h>
#include <array>

namespace quantbench {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

}  // namespace

std::string_view to_string(GateMetric metric) {
  constexpr std::array<std::string_view, 7> names = {"bits_per_weight", "substitutions",        "tensor_formats",
                                                     "relative_rmse",   "tensor_relative_rmse", "perplexity_ratio",
                                                     "mean_kld"};
  return names[static_cast<std::size_t>(metric)];
}

std::optional<GateLimits> Gates::find(GateMetric metric, const std::string& method) const {
  std::optional<GateLimits> limits;
  if (const auto found = all_methods.find(metric); found != all_methods.end()) limits = found->second;
  for (const auto& [pattern, table] : by_method) {
    if (!matches(pattern, method)) continue;
    if (const auto found = table.find(metric); found != table.end()) limits = found->second;
  }
  return limits;
}

std::optional<SpeedLimits> Gates::find_speed(const std::string& kernel) const {
  std::optional<SpeedLimits> limits = all_kernels;
  for (const auto& [pattern, of_pattern] : by_kernel)
    if (matches(pattern, kernel)) limits = of_pattern;
  return limits;
}

Gates default_gates() {
  const auto percent = [](double value) { return GateLimits{.max_increase_percent = value}; };
  const GateLimits same{.demand = "same"};
  Gates gates;
  gates.source = "the default gates";
  gates.all_methods = {{GateMetric::bits_per_weight, percent(0.1)},
                       {GateMetric::substitutions, same},
                       {GateMetric::tensor_formats, same},
                       {GateMetric::relative_rmse, percent(0.5)},
                       {GateMetric::tensor_relative_rmse, percent(0.5)},
                       {GateMetric::perplexity_ratio, GateLimits{.max = 1.005}},
                       {GateMetric::mean_kld, percent(5)}};
  gates.all_kernels = SpeedLimits{};
  return gates;
}

}  // namespace quantbench
