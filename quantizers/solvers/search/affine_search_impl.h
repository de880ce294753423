// A scale and an offset for a group: the least squares pair among candidates.
#pragma once

#include "quantizers/solvers/search/scale_search_impl.h"

namespace quantbench::search {
namespace {

/// Sums over a group that do not depend on its levels.
struct GroupSums {
  Floats16 w, wx;      // of importance, and of importance times weight: about 0, as weights are centered
  Floats16 inverse_w;  // 0 where nothing counts
};

template <class Source>
[[gnu::noinline]] GroupSums group_sums(const Source& source) {
  GroupSums sums{all16(0.0f), all16(0.0f), all16(0.0f)};
  for (int j = 0; j < source.weights(); ++j) {
    sums.w += source.importance(j);
    sums.wx += source.weighted(j);
  }
  sums.inverse_w = inverse_or_zero16(sums.w);
  return sums;
}

/// The levels of a group at some scale and offset, as what they make of the error of weight = scale * level + offset. As in
/// ScaleFit, sums that cancel rank candidates, and what is stored is judged by error_of_affine.
struct AffineFit {
  Floats16 qq, q, xq;  // sums of importance times level^2, level, weight * level

  /// Around their means: the least error is a constant less product^2 / curvature. Levels that are all the same have none.
  [[gnu::always_inline]] Floats16 curvature(const GroupSums& sums) const {
    const Floats16 rest = qq - q * (q * sums.inverse_w);
    return select16(rest > 1e-6f * qq, rest, all16(0.0f));
  }
  [[gnu::always_inline]] Floats16 product(const GroupSums& sums) const { return xq - sums.wx * (q * sums.inverse_w); }
};

/// The best levels so far, and their least squares scale and offset.
struct BestAffine {
  AffineFit fit{all16(0.0f), all16(0.0f), all16(0.0f)};
  Floats16 product = all16(0.0f), curvature = all16(1e-30f);

  [[gnu::always_inline]] void keep_better(const AffineFit& other, const GroupSums& sums) {
    const Floats16 a = other.product(sums), b = other.curvature(sums);
    const Ints16 better = a * a * curvature > product * product * b;
    fit = {select16(better, other.qq, fit.qq), select16(better, other.q, fit.q), select16(better, other.xq, fit.xq)};
    product = select16(better, a, product);
    curvature = select16(better, b, curvature);
  }
  [[gnu::always_inline]] Floats16 scale() const { return divide_or_zero16(product, curvature); }
  [[gnu::always_inline]] Floats16 offset(const GroupSums& sums) const {
    return (sums.wx - scale() * fit.q) * sums.inverse_w;
  }
};

/// The level nearest to x * inverse + shift.
[[gnu::always_inline]] inline Floats16 affine_level(Floats16 x, Floats16 inverse, Floats16 shift, Floats16 highest) {
  return smaller16(larger16(round16(fused16(x, inverse, shift)), all16(0.0f)), highest);
}

template <class Source>
[[gnu::always_inline]] inline AffineFit fit_affine(const Source& source, float level_max, Floats16 inverse,
                                                   Floats16 shift) {
  const Floats16 highest = all16(level_max);
  AffineFit fit{all16(0.0f), all16(0.0f), all16(0.0f)};
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 q = affine_level(source.weight(j), inverse, shift, highest);
    const Floats16 wq = source.importance(j) * q;
    fit.xq = fused16(source.weighted(j), q, fit.xq);
    fit.qq = fused16(wq, q, fit.qq);
    fit.q += wq;
  }
  return fit;
}

/// The error of what is stored.
template <class Source>
[[gnu::noinline]] Floats16 error_of_affine(const Source& source, float level_max, Floats16 scale, Floats16 offset) {
  const Floats16 inverse = inverse_or_zero16(scale), shift = -offset * inverse, highest = all16(level_max);
  Floats16 error = all16(0.0f);
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j);
    const Floats16 q = affine_level(x, inverse, shift, highest);
    const Floats16 rest = fused16(-scale, q, x - offset);
    error = fused16(source.importance(j) * rest, rest, error);
  }
  return error;
}

/// Of the weights alone; and where weights of little importance count by a share of their distance from the mean.
struct WeightRange {
  Floats16 smallest, largest;
};
struct WeightRanges {
  WeightRange all, that_counts;
};

template <class Source>
[[gnu::noinline]] WeightRanges weight_ranges(const Source& source) {
  const Floats16 inverse_mean = inverse_mean_importance(source);
  Floats16 mean = all16(0.0f);
  for (int j = 0; j < source.weights(); ++j) mean += source.importance(j) * source.weight(j);
  mean = mean * inverse_mean / static_cast<float>(source.weights());
  WeightRange all{all16(worst), all16(-worst)}, that_counts{mean, mean};
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j), w = source.importance(j);
    const Ints16 counts = w > 0.0f;
    all.smallest = select16(counts, smaller16(all.smallest, x), all.smallest);
    all.largest = select16(counts, larger16(all.largest, x), all.largest);
    const Floats16 drawn_in = mean + (x - mean) * share_that_counts(w, inverse_mean);
    that_counts = {smaller16(that_counts.smallest, drawn_in), larger16(that_counts.largest, drawn_in)};
  }
  const Ints16 none = all.smallest > all.largest;
  return {{select16(none, all16(0.0f), all.smallest), select16(none, all16(0.0f), all.largest)}, that_counts};
}

/// Candidates cut `low` and `high` levels off the two ends of the range.
struct EndCut {
  float low, high;
};
constexpr EndCut end_cuts[] = {{0, 0},        {0.4f, 0.4f}, {-0.3f, -0.3f}, {1, 0},       {0, 1},
                               {0.8f, 0.8f},  {0.5f, 0},    {0, 0.5f},      {1.3f, 1.3f}, {0.2f, -0.2f},
                               {-0.2f, 0.2f}, {0.2f, 0.2f}, {1.8f, 0.4f},   {0.4f, 1.8f}, {2.2f, 2.2f},
                               {0.9f, 0.4f},  {0.4f, 0.9f}, {0.6f, 0.6f},   {1.4f, 0.7f}, {0.7f, 1.4f}};
constexpr int end_cut_count = sizeof end_cuts / sizeof end_cuts[0];

/// What an effort adds to those below it: candidates from `first_candidate` to `last_candidate`. A refinement rounds with the
/// solved scale and offset and solves again.
struct AffineEffort {
  int first_candidate, last_candidate, clipped_candidates, refinements;
};

[[gnu::always_inline]] inline AffineEffort affine_effort(Effort effort) {
  if (effort == Effort::fast) return {0, 3, 1, 1};
  if (effort == Effort::standard) return {3, end_cut_count, 4, 3};
  return {end_cut_count, 3 * end_cut_count, 12, 6};
}

/// The `k`th candidate: the list of cuts, then the same with other factors.
[[gnu::always_inline]] inline EndCut end_cut(int k, float level_max) {
  const float factor = (k / end_cut_count == 0   ? 1.0f
                        : k / end_cut_count == 1 ? 0.55f
                                                 : 1.6f) *
                       (level_max < 8    ? 0.5f
                        : level_max > 20 ? 1.3f
                                         : 1.0f);
  const EndCut cut = end_cuts[k % end_cut_count];
  return {cut.low * factor, cut.high * factor};
}

template <class Source>
[[gnu::noinline]] void search_affine(const Source& source, float level_max, const GroupSums& sums,
                                     const AffineEffort& effort, BestAffine& best) {
  const WeightRanges ranges = weight_ranges(source);
  const WeightRange& range = ranges.all;
  // In units of a level: where the range starts and how far it is from what counts of it.
  const Floats16 inverse = level_max * inverse_or_zero16(range.largest - range.smallest);
  const Floats16 first = range.smallest * inverse;
  for (int k = effort.first_candidate; k < effort.last_candidate; ++k) {
    const EndCut cut = end_cut(k, level_max);
    const float stretch = level_max / (level_max - cut.low - cut.high);
    best.keep_better(fit_affine(source, level_max, inverse * stretch, (first + cut.low) * -stretch), sums);
  }
  const Floats16 step = (range.largest - range.smallest) / level_max;
  const Floats16 smaller_step = (ranges.that_counts.largest - ranges.that_counts.smallest) / level_max;
  for (int k = 0; k < effort.clipped_candidates; ++k) {
    // From nearly all of the range to what counts of it.
    const float share = static_cast<float>(k + 1) / static_cast<float>(effort.clipped_candidates);
    const Floats16 inverse_step = inverse_or_zero16(step + (smaller_step - step) * share);
    const Floats16 smallest = range.smallest + (ranges.that_counts.smallest - range.smallest) * share;
    best.keep_better(fit_affine(source, level_max, inverse_step, -smallest * inverse_step), sums);
  }
  for (int k = 0; k < effort.refinements; ++k) {
    const Floats16 inverse_scale = divide_or_zero16(best.curvature, best.product);
    best.keep_better(fit_affine(source, level_max, inverse_scale, -best.offset(sums) * inverse_scale), sums);
  }
}

struct StoredAffine {
  Floats16 scale, offset, error;
};

/// Pairs of binary16 numbers, judged by the error that they leave.
template <class Source>
struct StoredAffineSearch {
  const Source& source;
  const HalfStorage storage;
  const float level_max;
  const Floats16 center;
  StoredAffine best;

  [[gnu::always_inline]] void try_stored(Floats16 scale, Floats16 offset) {
    const Floats16 error = error_of_affine(source, level_max, scale, offset - center);
    const Ints16 better = error < best.error;
    best = {select16(better, scale, best.scale), select16(better, offset, best.offset),
            select16(better, error, best.error)};
  }

  [[gnu::always_inline]] void try_near(Floats16 scale, Floats16 offset) {
    try_stored(storage.round(scale), storage.round(offset + center));
  }

  /// The pairs around the best one so far.
  [[gnu::always_inline]] void try_neighbours(int reach) {
    const StoredAffine middle = best;
    for (int i = -reach; i <= reach; ++i)
      for (int k = -reach; k <= reach; ++k)
        if (i != 0 || k != 0) try_stored(storage.neighbour(middle.scale, i), storage.neighbour(middle.offset, k));
  }
};

inline void affine(const LaneGroups& groups, const GroupTask& task, GroupResult& result) {
  const Transposed source(groups);
  const float level_max = task.level_max;
  const GroupSums sums = group_sums(source);
  const WeightRange range = weight_ranges(source).all;
  StoredAffineSearch<Transposed> search{source,
                                        storage_of<HalfStorage>(groups),
                                        level_max,
                                        load16(groups.center),
                                        {all16(0.0f), all16(0.0f), all16(worst)}};
  search.try_stored(all16(0.0f), all16(0.0f));
  search.try_near((range.largest - range.smallest) / level_max, range.smallest);
  BestAffine fit;
  for (int level = 0; level <= static_cast<int>(task.effort); ++level) {
    search_affine(source, level_max, sums, affine_effort(static_cast<Effort>(level)), fit);
    search.try_near(fit.scale(), fit.offset(sums));
    if (level > 0) search.try_neighbours(level);
  }
  const StoredAffine& best = search.best;
  const Floats16 unit = load16(groups.unit), inverse = inverse_or_zero16(best.scale);
  const Floats16 shift = (search.center - best.offset) * inverse;
  store16(result.scale, best.scale * unit);
  store16(result.offset, best.offset * unit);
  write_levels(source.weights(), result.levels,
               [&](int j) { return affine_level(source.weight(j), inverse, shift, all16(level_max)); });
}

}  // namespace
}  // namespace quantbench::search
