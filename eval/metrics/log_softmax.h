// log sum exp of a row of logits in f64, the normalizer of a softmax: log softmax(x)_i = x_i - log_sum_exp(x).
#pragma once

#include <cstddef>
#include <span>

#include "core/isa.h"

namespace quantbench {

/// A row of logits with what was computed about it once.
struct LogitsRow {
  std::span<const float> logits;  // (vocabulary)
  double log_normalizer = 0;      // log_sum_exp(logits)
};

/// m + log sum_i exp(x_i - m), m = max x. The sum runs in 16 interleaved partial sums that are then added pairwise, the
/// same on every instruction set. `logits` is not empty. NaN when a logit is NaN.
double log_sum_exp(std::span<const float> logits, Isa isa = best_isa());

/// Index of the largest value; the lowest of equal ones.
std::size_t argmax(std::span<const float> values);

}  // namespace quantbench
