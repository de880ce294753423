// What a chart shows, taken from reports: points, their families and the Pareto frontiers. No pixels here.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/metrics/rate_distortion.h"
#include "eval/render/render.h"

namespace quantbench {

struct ChartPoint {
  CellPlace place;
  std::string method;
  std::string family;  // see family_of
  std::string label;   // the rest of the method
  double bits_per_weight = 0;
  double value = 0;
  std::optional<double> lower, upper;  // 95 % confidence interval of the value
  bool on_frontier = false;  // no point of the run has at most as many bits and at most the value, and less of one
};

struct ChartReference {
  double value = 0;
  std::vector<std::size_t> runs;  // that have it
};

struct ChartData {
  std::vector<ChartPoint> points;          // by bits per weight
  std::vector<std::string> families;       // sorted; of all cells, so that a hue means the same in every chart
  std::vector<ChartReference> references;  // perplexity: the f32 cells; KLD: the highest noise floor
  std::vector<GaussianSource> sources;     // relative RMSE: the tensors, where the report has their mean squares
};

/// f32 is the reference and no point; failed cells and values that the metric's axis cannot show (zero error) are left
/// out.
ChartData chart_data(std::span<const Report> reports, ChartMetric metric);

/// The bound on the relative RMSE of Gaussian weights (eval/metrics/rate_distortion.h).
double least_relative_rmse(const std::vector<GaussianSource>& sources, double bits_per_weight);

/// Whether all were measured on the same: model, text and protocol, or the model alone for errors of weights.
bool comparable(std::span<const Report> reports, ChartMetric metric);

}  // namespace quantbench
