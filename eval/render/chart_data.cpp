#include "eval/render/chart_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace quantbench {
namespace {

std::optional<double> value_of(const CellReport& cell, ChartMetric metric) {
  if (metric == ChartMetric::perplexity && cell.perplexity) return cell.perplexity->value;
  if (metric == ChartMetric::mean_kld && cell.kld) return cell.kld->mean;
  if (metric == ChartMetric::relative_rmse && cell.rmse) return cell.rmse->relative;
  return {};
}

bool is_float(const std::string& method) { return method == "f32" || method == "f16" || method == "bf16"; }

void set_family(ChartPoint& point) {
  const std::size_t colon = point.method.find(':');
  if (is_float(point.method)) {
    point.family = "float";
    point.label = point.method;
  } else if (colon == std::string::npos) {
    point.family = "search";
    point.label = point.method;
  } else {
    point.family = point.method.substr(0, colon);
    point.label = point.method.substr(colon + 1);
  }
}

// The interval is that of the paired difference: the uncertainty that matters for comparing cells, which share their
// text.
void set_interval(ChartPoint& point, const CellReport& cell, const std::optional<double>& reference) {
  const PerplexityReport& perplexity = *cell.perplexity;
  if (reference && perplexity.difference_lower && perplexity.difference_upper) {
    point.lower = *reference * std::exp(*perplexity.difference_lower);
    point.upper = *reference * std::exp(*perplexity.difference_upper);
  } else if (perplexity.stderr_ > 0) {
    point.lower = perplexity.value - 1.96 * perplexity.stderr_;
    point.upper = perplexity.value + 1.96 * perplexity.stderr_;
  }
}

void mark_frontier(std::vector<ChartPoint>& points) {
  double best = std::numeric_limits<double>::infinity();
  for (ChartPoint& point : points) {
    point.on_frontier = point.value < best;
    best = std::min(best, point.value);
  }
}

std::optional<double> reference_of(const Report& report, ChartMetric metric) {
  for (const CellReport& cell : report.cells) {
    if (cell.status != "ok") continue;
    if (metric == ChartMetric::perplexity && cell.method == "f32" && cell.perplexity) return cell.perplexity->value;
    if (metric == ChartMetric::mean_kld && cell.kld && cell.kld->noise_floor > 0) return cell.kld->noise_floor;
  }
  return {};
}

}  // namespace

ChartData chart_data(const Report& report, ChartMetric metric) {
  ChartData data;
  data.reference = reference_of(report, metric);
  std::set<std::string> families;
  for (const CellReport& cell : report.cells) {
    const std::optional<double> value = value_of(cell, metric);
    if (cell.status != "ok" || cell.method == "f32" || !value || !(*value > 0) || !(cell.bits_per_weight > 0)) continue;
    ChartPoint point{cell.method, "", "", cell.bits_per_weight, *value, {}, {}, false};
    set_family(point);
    if (metric == ChartMetric::perplexity) set_interval(point, cell, data.reference);
    families.insert(point.family);
    data.points.push_back(std::move(point));
  }
  std::ranges::stable_sort(data.points, [](const ChartPoint& a, const ChartPoint& b) {
    return a.bits_per_weight != b.bits_per_weight ? a.bits_per_weight < b.bits_per_weight : a.value < b.value;
  });
  mark_frontier(data.points);
  data.families.assign(families.begin(), families.end());
  return data;
}

bool can_chart(const Report& report, ChartMetric metric) { return chart_data(report, metric).points.size() >= 2; }

}  // namespace quantbench
