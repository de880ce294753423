// A figure of two evaluations of the same tokens, window by window, and how well their difference is known.
#pragma once

#include <string>
#include <vector>

#include "eval/compare/checks.h"

namespace quantbench {

/// Means over the windows of the text, in its order, in nats.
struct PairedWindows {
  std::vector<double> base, now;
  std::string problem;  // why there are none; empty: there are at least `least_windows`
};

/// metric: perplexity_ratio (negative log-likelihoods) or mean_kld (divergences). Throws Error when a per-token file is damaged, or
/// missing although it is `needed`.
PairedWindows paired_windows(GateMetric metric, const CellPair& pair, bool needed);

/// Of mean(now) - mean(base), by block_bootstrap over the windows.
CheckInterval difference_interval(const PairedWindows& windows, double confidence);

/// Of r = mean(now) / mean(base): the bootstrap of (now - r base) / mean(base), the first-order change of r with a window (the
/// ratio estimator of W. G. Cochran, Sampling Techniques, 3rd edition, chapter 6). The mean of `base` is positive.
CheckInterval ratio_interval(const PairedWindows& windows, double confidence);

}  // namespace quantbench
