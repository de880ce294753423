// Quality gates: how much worse a report may be than its baseline, read from strict YAML (docs/compare.md).
//
//   missing: fail                     # what was measured in the baseline and is not now: fail (default) or ignore
//   inconclusive: warn                # an interval on both sides of a limit: fail, warn (default) or pass
//   confidence: 99                    # percent, of the intervals of quality
//   gates:                            # for every method
//     bits_per_weight:      {max_increase_percent: 0.1}
//     relative_rmse:        {max_increase_percent: 0.5}
//     tensor_relative_rmse: {max_increase_percent: 0.5}    # of every tensor
//     tensor_formats:       same                           # as in the baseline
//     substitutions:        same                           # no more of them; `none`: not one
//     perplexity_ratio:     {max: 1.005}  # new / baseline perplexity of the same method
//     mean_kld:             {max: 0.2, max_increase_percent: 5, hard: false}
//   methods:                          # by glob; the last match that names a gate replaces it; `off` removes it
//     "*:int2:*":
//       mean_kld: off
//   throughput: {max_slowdown_percent: 5, min_slowdown_microseconds: 1}    # of interleaved rounds
//   kernels:                          # by glob on "id shape threads:N", likewise
//     "matmul/*": off
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
enum class GateMetric {
  bits_per_weight,
  substitutions,
  tensor_formats,
  relative_rmse,
  tensor_relative_rmse,
  perplexity_ratio,
  mean_kld
};

std::string_view to_string(GateMetric metric);

/// What becomes of a check whose interval lies on both sides of the limit, or that has none.
enum class OnInconclusive { fail, warn, pass };

/// Every limit that is set must hold. For perplexity_ratio the baseline is 1 and the new value new / baseline
/// perplexity.
struct GateLimits {
  std::optional<double> max = {};                   // new <= max
  std::optional<double> max_increase = {};          // new - baseline <= max_increase
  std::optional<double> max_increase_percent = {};  // new <= baseline (1 + percent / 100)
  /// perplexity_ratio, and increases of mean_kld: judged by the interval of the difference, paired window by window. False: by
  /// the bare figures.
  bool paired = true;
  std::string demand = {};                          // of tensor_formats: "same"; of substitutions: "same" or "none"
  bool hard = true;                                 // false: what would be a regression is a warning
  std::optional<OnInconclusive> inconclusive = {};  // empty: as for all gates
};

/// Speed of kernels, from interleaved rounds. A slowdown counts when the whole interval exceeds both limits.
struct SpeedLimits {
  double max_slowdown_percent = 5;
  double min_slowdown_microseconds = 1;  // of one call
  double confidence = 0.95;              // of the interval
  bool hard = false;
  std::optional<OnInconclusive> inconclusive = {};
};

/// An empty optional switches the gate off.
using GateTable = std::map<GateMetric, std::optional<GateLimits>>;

struct Gates {
  std::string source;  // file name, or "the default gates"
  bool from_file = false;
  bool missing_fails = true;
  OnInconclusive inconclusive = OnInconclusive::warn;
  double confidence = 0.99;  // of the intervals of quality
  GateTable all_methods;
  std::vector<std::pair<std::string, GateTable>> by_method;  // glob pattern and its gates, in file order
  std::optional<SpeedLimits> all_kernels;
  std::vector<std::pair<std::string, std::optional<SpeedLimits>>> by_kernel;

  /// The gate of a method, if it has one.
  std::optional<GateLimits> find(GateMetric metric, const std::string& method) const;
  std::optional<SpeedLimits> find_speed(const std::string& kernel) const;
};

/// The gates in the example above, without the overrides and without mean_kld's `max` and `hard`.
Gates default_gates();

/// Throws Error naming `source` and the line for malformed YAML, unknown or duplicate keys (with near matches), limits
/// that are not finite numbers >= 0, and gates without a limit.
Gates parse_gates(std::string_view yaml, const std::string& source);
Gates read_gates(const std::filesystem::path& path);

}  // namespace quantbench
