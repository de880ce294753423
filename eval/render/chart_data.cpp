#include "eval/render/chart_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "eval/render/family.h"

namespace quantbench {
namespace {

std::optional<double> value_of(const CellReport& cell, ChartMetric metric) {
  if (metric == ChartMetric::perplexity && cell.perplexity) return cell.perplexity->value;
  if (metric == ChartMetric::mean_kld && cell.kld) return cell.kld->mean;
  if (metric == ChartMetric::relative_rmse && cell.rmse) return cell.rmse->relative;
  return {};
}

constexpr double normal_quantile = 1.96;  // of 97.5 %

// The interval is that of the paired difference: the uncertainty that matters for comparing cells, which share their
// text.
void set_perplexity_interval(ChartPoint& point, const PerplexityReport& perplexity,
                             const std::optional<double>& reference) {
  if (reference && perplexity.difference_lower && perplexity.difference_upper) {
    point.lower = *reference * std::exp(*perplexity.difference_lower);
    point.upper = *reference * std::exp(*perplexity.difference_upper);
  } else if (perplexity.stderr_ > 0) {
    point.lower = perplexity.value - normal_quantile * perplexity.stderr_;
    point.upper = perplexity.value + normal_quantile * perplexity.stderr_;
  }
}

// The original weights: of a cell whose transforms left them as they were.
std::vector<GaussianSource> sources_of(const Report& report) {
  for (const CellReport& cell : report.cells) {
    const bool as_they_were = family_of(cell.method).name != "awq" && cell.method.find('+') == std::string::npos;
    const bool known = std::ranges::all_of(cell.tensors, [](const TensorReport& each) { return each.rms.has_value(); });
    if (cell.status != "ok" || cell.tensors.empty() || !as_they_were || !known) continue;
    std::vector<GaussianSource> sources;
    for (const TensorReport& tensor : cell.tensors)
      sources.push_back({tensor.rows * tensor.cols, *tensor.rms * *tensor.rms});
    return sources;
  }
  return {};
}

std::optional<double> reference_of(const Report& report, ChartMetric metric) {
  for (const CellReport& cell : report.cells) {
    if (cell.status != "ok") continue;
    if (metric == ChartMetric::perplexity && cell.method == "f32" && cell.perplexity) return cell.perplexity->value;
    if (metric == ChartMetric::mean_kld && cell.kld && cell.kld->noise_floor > 0) return cell.kld->noise_floor;
  }
  return {};
}

/// 0 where no cell was scored.
std::size_t scored_tokens(const Report& report) {
  for (const CellReport& cell : report.cells)
    if (cell.perplexity) return cell.perplexity->tokens;
  return 0;
}

void add_reference(std::vector<ChartReference>& references, double value, std::size_t run, ChartMetric metric) {
  constexpr double same = 1e-6;
  for (ChartReference& known : references) {
    if (metric == ChartMetric::perplexity && std::abs(value / known.value - 1) > same) continue;
    known.value = std::max(known.value, value);
    known.runs.push_back(run);
    return;
  }
  references.push_back({value, {run}});
}

void add_points(const Report& report, std::size_t run, ChartMetric metric, ChartData& data) {
  const std::optional<double> reference = reference_of(report, metric);
  if (reference) add_reference(data.references, *reference, run, metric);
  for (std::size_t index = 0; index < report.cells.size(); ++index) {
    const CellReport& cell = report.cells[index];
    const std::optional<double> value = value_of(cell, metric);
    if (cell.status != "ok" || cell.method == "f32" || !value || !(*value > 0) || !(cell.bits_per_weight > 0)) continue;
    const MethodFamily family = family_of(cell.method);
    ChartPoint point{{run, index}, cell.method, family.name, family.rest, cell.bits_per_weight, *value, {}, {}, false};
    if (metric == ChartMetric::perplexity) set_perplexity_interval(point, *cell.perplexity, reference);
    if (metric == ChartMetric::mean_kld && cell.kld->stderr_) {
      point.lower = std::max(0.0, *value - normal_quantile * *cell.kld->stderr_);
      point.upper = *value + normal_quantile * *cell.kld->stderr_;
    }
    data.points.push_back(std::move(point));
  }
}

void mark_frontiers(std::vector<ChartPoint>& points, std::size_t runs) {
  std::vector<double> best(runs, std::numeric_limits<double>::infinity());
  for (ChartPoint& point : points) {
    point.on_frontier = point.value < best[point.place.run];
    best[point.place.run] = std::min(best[point.place.run], point.value);
  }
}

}  // namespace

double least_relative_rmse(const std::vector<GaussianSource>& sources, double bits_per_weight) {
  double squares = 0, weights = 0;
  for (const GaussianSource& source : sources) {
    squares += static_cast<double>(source.weights) * source.mean_square;
    weights += static_cast<double>(source.weights);
  }
  return squares > 0 ? std::sqrt(least_squared_error(sources, bits_per_weight) * weights / squares) : 0;
}

ChartData chart_data(std::span<const Report> reports, ChartMetric metric) {
  ChartData data;
  for (std::size_t run = 0; run < reports.size(); ++run) add_points(reports[run], run, metric, data);
  std::ranges::stable_sort(data.points, [](const ChartPoint& a, const ChartPoint& b) {
    return a.bits_per_weight != b.bits_per_weight ? a.bits_per_weight < b.bits_per_weight : a.value < b.value;
  });
  mark_frontiers(data.points, reports.size());
  std::set<std::string> families;
  for (const Report& report : reports)
    for (const CellReport& cell : report.cells)
      if (cell.method != "f32") families.insert(family_of(cell.method).name);
  data.families.assign(families.begin(), families.end());
  if (metric == ChartMetric::relative_rmse && comparable(reports, metric))
    for (const Report& report : reports)
      if (data.sources.empty()) data.sources = sources_of(report);
  return data;
}

bool comparable(std::span<const Report> reports, ChartMetric metric) {
  const Report* first = nullptr;
  for (const Report& report : reports) {
    if (report.cells.empty()) continue;
    if (first == nullptr) first = &report;
    if (report.model_sha256 != first->model_sha256) return false;
    if (metric == ChartMetric::relative_rmse) continue;
    const bool same_text = report.dataset_sha256 == first->dataset_sha256 && report.protocol == first->protocol &&
                           report.tokenizer_sha256 == first->tokenizer_sha256;
    if (!same_text || scored_tokens(report) != scored_tokens(*first)) return false;
  }
  return true;
}

bool can_chart(std::span<const Report> reports, ChartMetric metric) {
  return chart_data(reports, metric).points.size() >= 2;
}

}  // namespace quantbench
