// Kullback-Leibler divergence of a model's next-token distribution q from the base model's p, in nats, at every scored
// position, and its statistics over positions.
//
//   D(p || q) = sum_i p_i (log p_i - log q_i),   p_i = exp(b_i - log Z_b),  q_i = exp(x_i - log Z_x)
//
// with b and x the f32 logits of the base and of the model. Everything after the logits is f64: a difference of two log
// Z that was off by the rounding of f32 would hide the divergence of f16 weights. Rounding can make the sum of two
// nearly equal distributions negative by some 1e-16; such a value is reported as 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "eval/metrics/log_softmax.h"

namespace quantbench {

/// One scored position.
struct PositionDivergence {
  double divergence = 0;              // D(p || q), nats
  bool same_top1 = false;             // argmax of both logits agree (of equal logits the lowest id)
  double probability_difference = 0;  // q - p of the token that really follows
};

/// `base` and `logits`: (vocabulary). `base_normalizer` and `normalizer`: log sum exp of each (log_sum_exp).
PositionDivergence position_divergence(LogitsRow base, LogitsRow logits, std::size_t next_token);

/// Statistics over positions. Quantiles are exact, by linear interpolation between order statistics: of n sorted values
/// the quantile f is the value at the fractional index f (n - 1).
struct KlDivergence {
  double mean = 0, median = 0, p90 = 0, p99 = 0, max = 0;
  double standard_error = 0;              // of the mean: sqrt(sum (D - mean)^2 / (n - 1) / n); 0 for one position
  double top1_agreement = 0;              // fraction of positions with same_top1
  double rms_probability_difference = 0;  // sqrt(mean probability_difference^2)
  std::size_t positions = 0;
};

/// Collects positions one by one; keeps one f32 for each. The order of `add` calls decides the rounding of the means,
/// so add in position order.
class KlDivergenceAccumulator {
 public:
  void reserve(std::size_t positions) { divergences_.reserve(positions); }
  void add(const PositionDivergence& position);
  /// Per position, in the order added.
  std::span<const float> divergences() const { return divergences_; }
  /// Throws Error when nothing was added.
  KlDivergence statistics() const;

 private:
  std::vector<float> divergences_;
  double divergence_sum_ = 0;
  double squared_difference_sum_ = 0;
  std::size_t agreements_ = 0;
};

/// The quantile `fraction` (0..1) of ascending `sorted` values, as defined above. Throws Error when there are none.
double quantile(std::span<const float> sorted, double fraction);

}  // namespace quantbench
