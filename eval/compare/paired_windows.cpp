#include "eval/compare/paired_windows.h"

#include <numeric>

#include "core/error.h"
#include "eval/compare/block_bootstrap.h"
#include "eval/compare/paired_perplexity.h"
#include "eval/expectations/window_interval.h"

namespace quantbench {
namespace {

bool divergence(GateMetric metric) { return metric == GateMetric::mean_kld; }

bool has_tokens(GateMetric metric, const ReportFile& file, const CellReport& cell) {
  const std::string& name = divergence(metric) ? cell.kld_file : cell.nll_file;
  return !name.empty() && std::filesystem::exists(file.path.parent_path() / name);
}

std::vector<float> read_tokens(GateMetric metric, const ReportFile& file, const CellReport& cell) {
  return divergence(metric) ? read_token_divergence(file, cell) : read_token_nll(file, cell);
}

/// Old reports do not state their windows; those of the other one hold, since both score the same tokens.
const WindowFacts* windows_of(const CellPair& pair) {
  if (pair.now_file.report.dataset_windows) return &*pair.now_file.report.dataset_windows;
  return pair.base_file.report.dataset_windows ? &*pair.base_file.report.dataset_windows : nullptr;
}

std::string problem_of(GateMetric metric, const CellPair& pair, bool needed) {
  const WindowFacts* windows = windows_of(pair);
  if (windows == nullptr) return "neither report states its windows: no interval";
  if (windows->count < least_windows)
    return fmt::format("{} window{}: an interval needs {}", windows->count, windows->count == 1 ? "" : "s",
                       least_windows);
  if (needed) return "";
  for (const auto& [file, cell] : {std::pair{&pair.base_file, pair.base}, {&pair.now_file, pair.now}})
    if (!has_tokens(metric, *file, *cell))
      return fmt::format("no interval: {} has no per-token {} file beside it", file->path.string(),
                         divergence(metric) ? "divergence" : "NLL");
  return "";
}

std::vector<double> means_of_windows(std::span<const float> tokens, const WindowFacts& windows,
                                     const ReportFile& file) {
  if (windows.scored_each == 0 || tokens.size() != windows.count * windows.scored_each)
    fail("cannot compare: {} has {} tokens of {} windows of {}", file.path.string(), tokens.size(), windows.count,
         windows.scored_each);
  std::vector<double> means(windows.count, 0);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    means[i / windows.scored_each] += static_cast<double>(tokens[i]) / static_cast<double>(windows.scored_each);
  return means;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

CheckInterval interval_about(double centre, std::span<const double> windows, double confidence) {
  const BootstrapInterval interval = block_bootstrap(windows, {.confidence = confidence});
  return {centre + (interval.lower - interval.mean), centre + (interval.upper - interval.mean), confidence,
          interval.windows, interval.block};
}

}  // namespace

PairedWindows paired_windows(GateMetric metric, const CellPair& pair, bool needed) {
  PairedWindows result;
  result.problem = problem_of(metric, pair, needed);
  if (!result.problem.empty()) return result;
  const WindowFacts& windows = *windows_of(pair);
  result.base = means_of_windows(read_tokens(metric, pair.base_file, *pair.base), windows, pair.base_file);
  result.now = means_of_windows(read_tokens(metric, pair.now_file, *pair.now), windows, pair.now_file);
  return result;
}

CheckInterval difference_interval(const PairedWindows& windows, double confidence) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < windows.base.size(); ++i) differences.push_back(windows.now[i] - windows.base[i]);
  return interval_about(mean_of(differences), differences, confidence);
}

CheckInterval ratio_interval(const PairedWindows& windows, double confidence) {
  const double base = mean_of(windows.base);
  const double ratio = mean_of(windows.now) / base;
  std::vector<double> changes;
  for (std::size_t i = 0; i < windows.base.size(); ++i)
    changes.push_back((windows.now[i] - ratio * windows.base[i]) / base);
  return interval_about(ratio, changes, confidence);
}

}  // namespace quantbench
