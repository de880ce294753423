#include "eval/metrics/kl_divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "models/architectures/blocks/exponential.h"

namespace quantbench {
namespace {

template <std::size_t Width>
constexpr std::size_t registers = simd_lanes / Width;

/// Adds p_i (log p_i - log q_i) of simd_lanes tokens to the sums.
template <std::size_t Width>
[[gnu::always_inline]] inline void add_terms(const float* base, const float* logits, const LogitsRow& p,
                                             const LogitsRow& q, Simd<double, Width>* sums) {
  double log_p[simd_lanes], difference[simd_lanes];
  for (std::size_t lane = 0; lane < simd_lanes; ++lane) {
    log_p[lane] = static_cast<double>(base[lane]) - p.log_normalizer;
    difference[lane] = log_p[lane] - (static_cast<double>(logits[lane]) - q.log_normalizer);
  }
  Simd<double, Width> probability, ratio;
  for (std::size_t part = 0; part < registers<Width>; ++part) {
    load<double, Width>(log_p + part * Width, probability);
    load<double, Width>(difference + part * Width, ratio);
    exponential<double, Width>(probability);
    sums[part] += probability * ratio;
  }
}

template <std::size_t Width>
[[gnu::always_inline]] inline double divergence(const LogitsRow& p, const LogitsRow& q) {
  Simd<double, Width> sums[registers<Width>] = {};
  const std::size_t size = p.logits.size();
  std::size_t index = 0;
  for (; index + simd_lanes <= size; index += simd_lanes)
    add_terms<Width>(&p.logits[index], &q.logits[index], p, q, sums);
  if (index < size) {
    float base[simd_lanes], logits[simd_lanes];
    std::fill(std::begin(base), std::end(base), std::numeric_limits<float>::lowest());  // probability 0, finite ratio
    std::fill(std::begin(logits), std::end(logits), std::numeric_limits<float>::lowest());
    std::copy(&p.logits[index], p.logits.data() + size, base);
    std::copy(&q.logits[index], q.logits.data() + size, logits);
    add_terms<Width>(base, logits, p, q, sums);
  }
  return sum_of_lanes<double>(sums);
}

// Of the mean of positions as if they were independent, which is how perplexity's is taken, too.
double standard_error(std::span<const float> divergences, double mean) {
  if (divergences.size() < 2) return 0;
  double squares = 0;
  for (const float divergence : divergences) {
    const double deviation = static_cast<double>(divergence) - mean;
    squares += deviation * deviation;
  }
  const auto positions = static_cast<double>(divergences.size());
  return std::sqrt(squares / (positions - 1) / positions);
}

double probability(const LogitsRow& row, std::size_t token) {
  return std::exp(static_cast<double>(row.logits[token]) - row.log_normalizer);
}

}  // namespace

PositionDivergence position_divergence(LogitsRow base, LogitsRow logits, std::size_t next_token) {
  if (base.logits.size() != logits.logits.size() || next_token >= logits.logits.size())
    fail("a KL divergence needs equal vocabularies: the base has {} tokens, the model {}, the next token is {}",
         base.logits.size(), logits.logits.size(), next_token);
  PositionDivergence position;
  with_simd(
      best_isa(), [&](auto width)
                      __attribute__((always_inline)) { position.divergence = divergence<width() / 2>(base, logits); });
  if (position.divergence < 0) position.divergence = 0;
  position.same_top1 = argmax(base.logits) == argmax(logits.logits);
  position.probability_difference = probability(logits, next_token) - probability(base, next_token);
  return position;
}

void KlDivergenceAccumulator::add(const PositionDivergence& position) {
  divergences_.push_back(static_cast<float>(position.divergence));
  divergence_sum_ += position.divergence;
  squared_difference_sum_ += position.probability_difference * position.probability_difference;
  agreements_ += position.same_top1 ? 1 : 0;
}

KlDivergence KlDivergenceAccumulator::statistics() const {
  if (divergences_.empty()) fail("a KL divergence needs at least one scored position");
  std::vector<float> sorted = divergences_;
  std::sort(sorted.begin(), sorted.end());
  const auto positions = static_cast<double>(sorted.size());
  const double mean = divergence_sum_ / positions;
  return {.mean = mean,
          .median = quantile(sorted, 0.5),
          .p90 = quantile(sorted, 0.9),
          .p99 = quantile(sorted, 0.99),
          .max = sorted.back(),
          .standard_error = standard_error(divergences_, mean),
          .top1_agreement = static_cast<double>(agreements_) / positions,
          .rms_probability_difference = std::sqrt(squared_difference_sum_ / positions),
          .positions = sorted.size()};
}

double quantile(std::span<const float> sorted, double fraction) {
  if (sorted.empty()) fail("a quantile needs at least one value");
  const double place = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double weight = place - static_cast<double>(below);
  return static_cast<double>(sorted[below]) +
         weight * (static_cast<double>(sorted[above]) - static_cast<double>(sorted[below]));
}

}  // namespace quantbench
