// Perplexity = exp(mean negative log-likelihood), with the standard error of the mean propagated.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace quantbench {

struct Perplexity {
  double value = 0;
  double stderr_ = 0;  // value * standard error of the mean NLL (tokens taken as independent)
  std::size_t tokens = 0;
};

/// nll: nats of each scored token.
Perplexity perplexity(std::span<const float> nll);

/// The difference of two mean NLLs over the same tokens, and ratio of the perplexities, with a 95 % confidence interval
/// from the paired per-token differences.
struct PairedDifference {
  double mean = 0;   // nats per token, b - a
  double lower = 0;  // 95 % confidence interval of the mean
  double upper = 0;
  double ratio = 1;  // perplexity b / perplexity a = exp(mean)
  bool excludes_zero() const { return lower > 0 || upper < 0; }
};
/// Throws Error when the lengths differ.
PairedDifference paired_difference(std::span<const float> nll_a, std::span<const float> nll_b);

}  // namespace quantbench
