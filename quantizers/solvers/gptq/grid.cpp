#include "quantizers/solvers/gptq/grid.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace quantbench::gptq {
namespace {

/// x^0.2 for 0 < x < infinity by Newton's method: unlike std::pow the same bits on every machine.
double fifth_root(double x) {
  // A fifth of the exponent: close enough for quadratic convergence from the first step.
  const auto bits = std::bit_cast<std::uint64_t>(x);
  constexpr std::uint64_t one = std::bit_cast<std::uint64_t>(1.0);
  double root = std::bit_cast<double>(bits / 5 + one / 5 * 4);
  for (int step = 0; step < 5; ++step) {
    const double square = root * root;
    root -= (root - x / (square * square)) / 5;
  }
  return root;
}

/// |x|^2.4
double error_power(double x) {
  const double square = x * x;
  return square == 0 || !std::isfinite(square) ? square : square * fifth_root(square);
}

}  // namespace

GridFitter::Range GridFitter::range_of(const GroupWeights& group) const {
  Range range;
  for (const float weight : group.weights) {
    range.low = std::min(range.low, weight);
    range.high = std::max(range.high, weight);
  }
  if (!format_->has_offset) {
    const float largest = std::max(-range.low, range.high);
    if (range.low < 0 || !reference_) range.low = -largest;
    range.high = largest;
  }
  if (reference_ && range.low == 0 && range.high == 0) return {-1, 1};
  return range;
}

Grid GridFitter::rounded_grid(Range range) const {
  const float steps = level_max_ - level_min_;
  const float wanted = range.high / steps - range.low / steps;  // the difference itself may overflow
  const float scale = format_->round_affine(*format_, {wanted, 0}).scale;
  const Affine affine = format_->round_affine(*format_, {scale, range.low - scale * level_min_});
  const bool has_zero = format_->has_offset && affine.scale != 0;
  return {affine.scale, affine.offset, has_zero ? std::nearbyint(-affine.offset / affine.scale) : 0.0f};
}

Grid GridFitter::grid_of(Range range) const {
  if (!reference_) return rounded_grid(range);
  const float scale = format_->round_affine(*format_, {(range.high - range.low) / (level_max_ - level_min_), 0}).scale;
  if (scale == 0) return {};
  const float zero = format_->has_offset ? std::nearbyint(-range.low / scale) + level_min_ : 0.0f;
  return {scale, format_->has_offset ? -(scale * zero) : 0.0f, zero};
}

/// Stops when the error is not below `least` any more.
double GridFitter::error(const Grid& grid, const GroupWeights& group, double least) const {
  double sum = 0;
  for (std::size_t i = 0; i < group.weights.size() && sum < least; ++i) {
    const float weight = group.weights[i];
    const double difference = static_cast<double>(rounder_.value(grid, rounder_.level(grid, weight)) - weight);
    if (reference_)
      sum += error_power(difference);
    else
      sum += difference * difference * (group.importance.empty() ? 1.0 : static_cast<double>(group.importance[i]));
  }
  return sum;
}

Grid GridFitter::search(const GroupWeights& group, Range range) const {
  constexpr int candidates = 80;
  Grid best;
  double least = std::numeric_limits<double>::infinity();
  int best_candidate = 0;
  const auto try_candidate = [&](int candidate) {
    const auto share = static_cast<float>(1 - candidate / 100.0);
    const Grid grid = grid_of({share * range.low, share * range.high});
    const double sum = error(grid, group, least);
    if (!(sum < least)) return;
    least = sum;
    best = grid;
    best_candidate = candidate;
  };
  // As published every candidate is tried; else every fourth, then those around the best: the same error within a percent.
  const int step = reference_ ? 1 : 4;
  for (int candidate = 0; candidate < candidates; candidate += step) try_candidate(candidate);
  const int center = best_candidate;
  for (int candidate = std::max(center - step + 1, 0); candidate < std::min(center + step, candidates); ++candidate)
    if (candidate != center) try_candidate(candidate);
  return best;
}

Grid GridFitter::fit(const GroupWeights& group) const {
  const Range range = range_of(group);
  return searched_ ? search(group, range) : grid_of(range);
}

}  // namespace quantbench::gptq
