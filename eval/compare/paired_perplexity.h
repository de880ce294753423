// The paired test between two evaluations of the same tokens in two reports.
#pragma once

#include "eval/compare/compare.h"
#include "eval/metrics/perplexity.h"

namespace quantbench {

/// What a cell says of every scored token, in nats. Throw Error when the file is not named, not there, not as hashed in the
/// report, or does not give the reported perplexity or mean divergence.
std::vector<float> read_token_nll(const ReportFile& file, const CellReport& cell);
std::vector<float> read_token_divergence(const ReportFile& file, const CellReport& cell);

/// Mean NLL of `now` minus that of `base` with its confidence interval, from the per-token NLL files of the two cells.
/// Throws Error as read_token_nll.
PairedDifference paired_difference(const ReportFile& base, const CellReport& base_cell, const ReportFile& now,
                                   const CellReport& now_cell);

}  // namespace quantbench
