// What the checks of all gates have in common. For eval/compare/ only.
#pragma once

#include <vector>

#include "eval/compare/compare.h"

namespace quantbench {

/// One method in both reports; null: the cell is not there, or failed.
struct CellPair {
  const ReportFile& base_file;
  const CellReport* base;
  const ReportFile& now_file;
  const CellReport* now;
};

/// Sums of decimal fractions are not exact; an excess below this part of the limit is rounding.
inline constexpr double rounding_slack = 1e-12;

/// What `now` must not exceed: the limit beside the baseline, which only `max` does without.
double bound_of(const GateCheck& check);
bool above(double value, double bound);

/// Judges `now` by the bare figures.
void judge_figure(GateCheck& check);
/// By the check's interval.
void judge_interval(GateCheck& check, double bound);

/// The last word: what a soft gate finds is a warning, and what an inconclusive check counts as.
void settle(GateCheck& check, bool hard, OnInconclusive inconclusive);

/// The checks of one gate on one method; none where neither report has the metric. Throws Error as compare_reports.
std::vector<GateCheck> check_figure(GateMetric metric, const GateLimits& limits, const CellPair& pair,
                                    const Gates& gates);
std::vector<GateCheck> check_tensors(GateMetric metric, const GateLimits& limits, const CellPair& pair,
                                     const Gates& gates);
/// Whether the new cell has what the gate looks at.
bool has_metric(GateMetric metric, const CellReport& cell);

/// Of all kernels that the rounds measured.
std::vector<GateCheck> check_speed(const Rounds& rounds, const Gates& gates);

}  // namespace quantbench
