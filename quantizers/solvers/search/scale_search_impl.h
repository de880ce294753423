// One scale for a group: the least squares scale among candidates, and the best of the scales that can be stored near it.
#pragma once

#include "quantizers/solvers/search/group_kernels.h"
#include "quantizers/solvers/search/levels_impl.h"

namespace quantbench::search {
namespace {

/// The levels of a group at some scale, as what they make of the error: with these levels the error of a scale s is
///     sum importance weight^2 - 2 s product + s^2 curvature
/// and product^2 / curvature less than the first sum at the best of them. The differences of such sums are good to a
/// millionth of the first one; what is stored is judged by error_of_scale, where nothing cancels.
struct ScaleFit {
  Floats16 product;    // sum importance weight level
  Floats16 curvature;  // sum importance level^2

  [[gnu::always_inline]] Floats16 scale() const { return divide_or_zero16(product, curvature); }
  [[gnu::always_inline]] Floats16 inverse_scale() const {
    return select16(magnitude16(product) > 0.0f, curvature / product, all16(0.0f));
  }
  /// What a scale takes off the error.
  [[gnu::always_inline]] Floats16 gain(Floats16 scale) const {
    return scale * ((product + product) - scale * curvature);
  }
  [[gnu::always_inline]] void keep_better(const ScaleFit& other) {
    const Ints16 better = other.product * other.product * curvature > product * product * other.curvature;
    product = select16(better, other.product, product);
    curvature = select16(better, other.curvature, curvature);
  }
};

constexpr float worst = 3e38f;

/// Worse than any other, also than one that takes nothing off.
[[gnu::always_inline]] inline ScaleFit no_fit() { return {all16(0.0f), all16(1e-30f)}; }

/// Rounds with 1 / scale = `inverse`.
template <class Source, class Rounding>
[[gnu::always_inline]] inline ScaleFit fit_scale(const Source& source, const Rounding& rounding, Floats16 inverse) {
  ScaleFit fit{all16(0.0f), all16(0.0f)};
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 q = rounding.nearest(source.weight(j), inverse);
    fit.product = fused16(source.weighted(j), q, fit.product);
    fit.curvature = fused16(source.importance(j) * q, q, fit.curvature);
  }
  return fit;
}

struct TwoFits {
  ScaleFit first, second;
};

/// Two of them at a time: one sum waits less for itself.
template <class Source, class Rounding>
[[gnu::always_inline]] inline TwoFits fit_two_scales(const Source& source, const Rounding& rounding, Floats16 first,
                                                     Floats16 second) {
  TwoFits fits{{all16(0.0f), all16(0.0f)}, {all16(0.0f), all16(0.0f)}};
  const auto add =
      [](ScaleFit & fit, Floats16 q, Floats16 weighted, Floats16 importance) __attribute__((always_inline)) {
    fit.product = fused16(weighted, q, fit.product);
    fit.curvature = fused16(importance * q, q, fit.curvature);
  };
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j), weighted = source.weighted(j), importance = source.importance(j);
    add(fits.first, rounding.nearest(x, first), weighted, importance);
    add(fits.second, rounding.nearest(x, second), weighted, importance);
  }
  return fits;
}

/// The error of a scale as it is stored, with the nearest levels.
template <class Source, class Rounding>
[[gnu::noinline]] Floats16 error_of_scale(const Source& source, const Rounding& rounding, Floats16 scale) {
  const Floats16 inverse = inverse_or_zero16(scale);
  Floats16 error = all16(0.0f);
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j);
    const Floats16 rest = fused16(-scale, rounding.nearest(x, inverse), x);
    error = fused16(source.importance(j) * rest, rest, error);
  }
  return error;
}

/// What the range of candidates is chosen by.
struct Spread {
  Floats16 largest, smallest;                          // of the weights and zero
  Floats16 largest_that_counts, smallest_that_counts;  // where weights of little importance may be clipped
  Floats16 rms;                                        // weighted by importance

  [[gnu::always_inline]] Spread mirrored() const {
    return {-smallest, -largest, -smallest_that_counts, -largest_that_counts, rms};
  }
};

/// Weights of less than a quarter of the mean importance count with a share of their magnitude.
[[gnu::always_inline]] inline Floats16 share_that_counts(Floats16 importance, Floats16 inverse_mean) {
  return smaller16(4.0f * importance * inverse_mean, all16(1.0f));
}

template <class Source>
[[gnu::noinline]] Floats16 inverse_mean_importance(const Source& source) {
  Floats16 sum = all16(0.0f);
  for (int j = 0; j < source.weights(); ++j) sum += source.importance(j);
  return static_cast<float>(source.weights()) * inverse_or_zero16(sum);
}

template <class Source>
[[gnu::noinline]] Spread spread_of(const Source& source) {
  const Floats16 inverse_mean = inverse_mean_importance(source);
  Spread spread{all16(0.0f), all16(0.0f), all16(0.0f), all16(0.0f), all16(0.0f)};
  Floats16 square = all16(0.0f), sum = all16(0.0f);
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j), w = source.importance(j);
    const Floats16 counts = x * share_that_counts(w, inverse_mean);
    spread.largest = larger16(spread.largest, x);
    spread.smallest = smaller16(spread.smallest, x);
    spread.largest_that_counts = larger16(spread.largest_that_counts, counts);
    spread.smallest_that_counts = smaller16(spread.smallest_that_counts, counts);
    square = fused16(w * x, x, square);
    sum += w;
  }
  spread.rms = square_root16(divide_or_zero16(square, sum));
  return spread;
}

/// With more levels than this no weight is far from one, and the best scale is the one that happens to meet the weights that
/// count: larger ones than the range asks for are as good.
constexpr float many_levels = 100;

/// Inverse scales worth trying, of positive scales: from a little less than what brings all weights into the range of
/// levels up to where even Gaussian weights are clipped too much.
struct InverseRange {
  Floats16 first, last;
};

/// The largest inverse scale that clips none of the weights by more than half a step.
[[gnu::always_inline]] inline Floats16 inverse_that_fits(Floats16 smallest, Floats16 largest, Floats16 level_min,
                                                         Floats16 level_max) {
  const Floats16 up = (level_max + 0.5f) / larger16(largest, all16(1e-30f));
  const Floats16 down = (0.5f - level_min) / larger16(-smallest, all16(1e-30f));
  return smaller16(up, down);
}

template <class Rounding>
[[gnu::always_inline]] inline InverseRange inverse_range(const Spread& spread, const Rounding& rounding,
                                                         float levels_per_rms) {
  const Floats16 level_min = rounding.level_min, level_max = rounding.level_max;
  const Floats16 fit = inverse_that_fits(spread.smallest, spread.largest, level_min, level_max);
  const Floats16 fits_what_counts =
      inverse_that_fits(spread.smallest_that_counts, spread.largest_that_counts, level_min, level_max);
  const Floats16 steps = level_max - level_min + 1.0f;
  const Floats16 clipped =
      larger16(1.2f * levels_per_rms / larger16(spread.rms, all16(1e-30f)), smaller16(fits_what_counts, 4.0f * fit));
  Floats16 below = select16(steps > many_levels, all16(0.12f), 2.0f / steps);
  if constexpr (requires { Rounding::share_above_the_others; }) below = all16(Rounding::share_above_the_others);
  return {fit * (1.0f - below), larger16(fit * (1.0f + 3.0f / steps), clipped)};
}

/// Candidates close to the first end of the range lie closer together: outliers want the range, and there each step counts.
[[gnu::always_inline]] inline Floats16 candidate(const InverseRange& range, Floats16 fraction) {
  return range.first + (range.last - range.first) * fraction * fraction;
}

/// `lane_fraction`: the lanes' shares of the step between two candidates (of one group in all lanes).
template <class Source, class Rounding>
[[gnu::always_inline]] inline void try_candidates(const Source& source, const Rounding& rounding,
                                                  const InverseRange& range, int count, ScaleFit& best) {
  const int rounds = source.rounds(count);
  const auto inverse_of = [&](int round) __attribute__((always_inline)) {
    return candidate(range, (static_cast<float>(round) + source.lane_fraction()) / static_cast<float>(rounds));
  };
  int round = 0;
  for (; round + 2 <= rounds; round += 2) {
    const TwoFits fits = fit_two_scales(source, rounding, inverse_of(round), inverse_of(round + 1));
    best.keep_better(fits.first);
    best.keep_better(fits.second);
  }
  if (round < rounds) best.keep_better(fit_scale(source, rounding, inverse_of(round)));
}

/// What an effort adds to those below it. A refinement rounds with the solved scale and solves again.
struct ScaleEffort {
  int candidates, mirrored_candidates, refinements, neighbours;
};

[[gnu::always_inline]] inline ScaleEffort scale_effort(Effort effort, float steps) {
  const bool many = steps > many_levels;
  if (effort == Effort::fast) return {5, 0, 1, 0};
  if (effort == Effort::standard) return many ? ScaleEffort{32, 16, 2, 4} : ScaleEffort{20, 10, 2, 1};
  return {64, 64, 4, 3};
}

/// Betters `fit`, the least squares scale, not rounded. Where levels are not symmetric, negative scales are tried as well.
template <class Source, class Rounding>
[[gnu::noinline]] void search_scale(const Source& source, const Rounding& rounding, const Spread& spread,
                                    float levels_per_rms, const ScaleEffort& effort, ScaleFit& fit) {
  const InverseRange range = inverse_range(spread, rounding, levels_per_rms);
  if (rounding.negative_scales) {
    // The sign that gives the finer scale comes first, the other one gets fewer candidates.
    const InverseRange mirrored = inverse_range(spread.mirrored(), rounding, levels_per_rms);
    const Ints16 swap = mirrored.first > range.first;
    const Floats16 sign = select16(swap, all16(-1.0f), all16(1.0f));
    const auto signed_range = [&](Ints16 take_mirrored, Floats16 of) __attribute__((always_inline)) {
      return InverseRange{of * select16(take_mirrored, mirrored.first, range.first),
                          of * select16(take_mirrored, mirrored.last, range.last)};
    };
    try_candidates(source, rounding, signed_range(swap, sign), effort.candidates, fit);
    try_candidates(source, rounding, signed_range(~swap, -sign), effort.mirrored_candidates, fit);
  } else {
    try_candidates(source, rounding, range, effort.candidates, fit);
  }
  for (int step = 0; step < effort.refinements; ++step)
    fit.keep_better(fit_scale(source, rounding, fit.inverse_scale()));
}

/// A stored scale and its true error.
struct StoredScale {
  Floats16 scale, error;

  [[gnu::always_inline]] Ints16 keep_better(Floats16 other_scale, Floats16 other_error) {
    const Ints16 better = other_error < error;
    scale = select16(better, other_scale, scale);
    error = select16(better, other_error, error);
    return better;
  }
};

template <class Storage, class Source, class Rounding>
[[gnu::always_inline]] inline void try_stored(const Source& source, const Rounding& rounding, const Storage& storage,
                                              Floats16 wanted, StoredScale& best) {
  const Floats16 scale = storage.round(wanted);
  best.keep_better(scale, error_of_scale(source, rounding, scale));
}

/// The stored scales next to the best one so far.
template <class Storage, class Source, class Rounding>
[[gnu::always_inline]] inline void try_neighbours(const Source& source, const Rounding& rounding,
                                                  const Storage& storage, int count, StoredScale& best) {
  const Floats16 middle = best.scale;
  for (int k = -count; k <= count; ++k)
    if (k != 0) try_stored(source, rounding, storage, storage.neighbour(middle, k), best);
}

/// Every stored scale in the range (and a quarter beyond), times `sign`.
template <class Storage, class Source, class Rounding>
[[gnu::always_inline]] inline void try_all_stored(const Source& source, const Rounding& rounding,
                                                  const Storage& storage, const InverseRange& range, float sign,
                                                  StoredScale& best) {
  const Floats16 largest = 1.0f / (0.8f * range.first);
  Floats16 scale = storage.round(1.0f / larger16(1.25f * range.last, 2.0f * range.first));
  for (int k = 0; k < 8192; ++k) {
    best.keep_better(sign * scale, error_of_scale(source, rounding, sign * scale));
    const Ints16 more = scale < largest;
    if (!any16(more)) break;
    scale = select16(more, storage.neighbour(scale, 1), scale);
  }
}

}  // namespace
}  // namespace quantbench::search
