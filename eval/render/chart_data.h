// What a chart shows, taken from a report: points, their families and the Pareto frontier. No pixels here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eval/render/render.h"

namespace quantbench {

struct ChartPoint {
  std::string method;
  std::string
      family;  // what is left of the first ':' ("absmax", "gptq"); "float" for f16 and bf16, "search" for a bare type
  std::string label;  // the rest of the method
  double bits_per_weight = 0;
  double value = 0;
  std::optional<double> lower, upper;  // 95 % confidence interval of the value
  bool on_frontier = false;            // no point has at most as many bits and at most the value, and less of one
};

struct ChartData {
  std::vector<ChartPoint> points;     // by bits per weight
  std::vector<std::string> families;  // sorted
  std::optional<double> reference;    // perplexity: the f32 cell; KLD: the noise floor
};

/// f32 is the reference and no point; failed cells and values that the metric's axis cannot show (zero error) are left
/// out.
ChartData chart_data(const Report& report, ChartMetric metric);

}  // namespace quantbench
