// The paired test between two evaluations of the same tokens in two reports.
#pragma once

#include "eval/compare/compare.h"
#include "eval/metrics/perplexity.h"

namespace quantbench {

/// Mean NLL of `now` minus that of `base` with its confidence interval, from the per-token NLL files of the two cells.
/// Throws Error when a file is not named, not there, not as hashed in the report, or does not give the reported
/// perplexity.
PairedDifference paired_difference(const ReportFile& base, const CellReport& base_cell, const ReportFile& now,
                                   const CellReport& now_cell);

}  // namespace quantbench
