// Perplexity and the paired comparison of two of them.
//
//   nll_t      = -log p(token t | the tokens before it in its window)
//   mean       = sum_t nll_t / n
//   error      = sqrt(sum_t (nll_t - mean)^2 / (n - 1) / n)       standard error of the mean; 0 when n = 1
//   perplexity = exp(mean),   stderr = perplexity * error         (first-order propagation)
//
// Sums are f64 in text order, in two passes.
#pragma once

#include <cstddef>
#include <span>

namespace quantbench {

struct Perplexity {
  double value = 0;
  double stderr_ = 0;  // value * standard error of the mean NLL (tokens taken as independent)
  std::size_t tokens = 0;
};

/// nll: nats of each scored token. Throws Error when there are none.
Perplexity perplexity(std::span<const float> nll);

/// Of d_t = nll_b,t - nll_a,t over the same tokens: mean, and mean -+ 1.96 standard errors of that mean as the 95 %
/// confidence interval (normal quantile 1.959964; evaluations have hundreds of tokens or more). Pairing removes the
/// spread between easy and hard tokens, which is most of it.
struct PairedDifference {
  double mean = 0;   // nats per token, b - a
  double lower = 0;  // 95 % confidence interval of the mean
  double upper = 0;
  double ratio = 1;  // perplexity b / perplexity a = exp(mean)
  bool excludes_zero() const { return lower > 0 || upper < 0; }
};
/// Throws Error when the lengths differ or are zero.
PairedDifference paired_difference(std::span<const float> nll_a, std::span<const float> nll_b);

}  // namespace quantbench
