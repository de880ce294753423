// Quality gates: how much worse a report may be than its baseline, read from strict YAML.
//
//   missing: fail                     # what was measured in the baseline and is not now: fail (default) or ignore
//   gates:                            # for every method
//     bits_per_weight:  {max_increase_percent: 0.1}
//     relative_rmse:    {max_increase_percent: 0.5}
//     perplexity_ratio: {max: 1.005}  # new / baseline perplexity of the same method
//     mean_kld:         {max: 0.2, max_increase_percent: 5}
//   methods:                          # by glob; the last match that names a gate replaces it; `off` removes it
//     "*:int2:*":
//       mean_kld: off
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quantbench {

/// What a gate limits; the order is that of tables.
enum class GateMetric { bits_per_weight, relative_rmse, perplexity_ratio, mean_kld };

std::string_view to_string(GateMetric metric);

/// Every limit that is set must hold. For perplexity_ratio the baseline is 1 and the new value new / baseline
/// perplexity.
struct GateLimits {
  std::optional<double> max;                   // new <= max
  std::optional<double> max_increase;          // new - baseline <= max_increase
  std::optional<double> max_increase_percent;  // new <= baseline (1 + percent / 100)
  /// perplexity_ratio only: an excess counts only when the paired 95 % confidence interval of the difference excludes
  /// zero.
  bool paired = true;
};

/// An empty optional switches the gate off.
using GateTable = std::map<GateMetric, std::optional<GateLimits>>;

struct Gates {
  std::string source;  // file name, or "the default gates"
  bool from_file = false;
  bool missing_fails = true;
  GateTable all_methods;
  std::vector<std::pair<std::string, GateTable>> by_method;  // glob pattern and its gates, in file order

  /// The gate of a method, if it has one.
  std::optional<GateLimits> find(GateMetric metric, const std::string& method) const;
};

/// The gates in the example above, without the overrides and without mean_kld's `max`.
Gates default_gates();

/// Throws Error naming `source` and the line for malformed YAML, unknown or duplicate keys (with near matches), limits
/// that are not finite numbers >= 0, and gates without a limit.
Gates parse_gates(std::string_view yaml, const std::string& source);
Gates read_gates(const std::filesystem::path& path);

}  // namespace quantbench
