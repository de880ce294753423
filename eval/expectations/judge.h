// Puts what a run found beside what was expected of it.
#pragma once

#include <string>

#include "eval/compare/compare.h"
#include "eval/expectations/expectations.h"
#include "eval/report.h"

namespace quantbench {

/// Fills `expectations` and `orderings` of the report in `file`. `model_name`: what tables call the run's model.
/// Orderings read the files of tokens beside `file.path`. Throws Error when one of those is damaged.
///
/// A figure is "not measured" where the run has no such number (another model or text, no such cell), "not comparable" where
/// it has one that was taken otherwise (protocol, number of windows), else "within" or "outside" of its tolerance.
///
/// An ordering looks at the difference of both cells over windows (window_interval.h): it "holds" or "fails" where the 95 %
/// confidence interval says so, and is "inconclusive" where that contains zero.
void judge_expectations(const Expectations& expectations, const std::string& model_name, ReportFile& file);

/// Whether anything in the report is outside of its tolerance or fails.
bool expectations_hold(const Report& report);

}  // namespace quantbench
