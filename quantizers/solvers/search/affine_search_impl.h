// A scale and an offset for a group: the least squares pair among candidates.
#pragma once

#include "quantizers/solvers/search/scale_search_impl.h"

namespace quantbench::search {
namespace {

/// weight = scale * level + offset with levels 0..level_max, and the quadratic of the error around it for the same levels:
///     error + qq dS^2 + 2 q dS dO + w dO^2
struct AffineFit {
  Floats16 scale, offset, error;
  Floats16 qq, q, w;  // sums of importance times level^2, level, 1

  [[gnu::always_inline]] void keep_better(const AffineFit& other) {
    const Ints16 better = other.error < error;
    scale = select16(better, other.scale, scale);
    offset = select16(better, other.offset, offset);
    qq = select16(better, other.qq, qq);
    q = select16(better, other.q, q);
    w = select16(better, other.w, w);
    error = select16(better, other.error, error);
  }
};

/// Rounds with the given scale and offset, then solves for the pair of these levels. In units of the scale, as fit_scale.
template <class Source>
[[gnu::noinline]] AffineFit fit_affine(const Source& source, float level_max, Floats16 scale, Floats16 offset) {
  const Floats16 inverse = inverse_or_zero16(scale), highest = all16(level_max);
  Floats16 rest = all16(0.0f), slope = all16(0.0f), mean = all16(0.0f), qq = all16(0.0f), q_sum = all16(0.0f),
           w_sum = all16(0.0f);
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 w = source.importance(j);
    const Floats16 t = (source.weight(j) - offset) * inverse;
    const Floats16 q = smaller16(larger16(round16(t), all16(0.0f)), highest);
    const Floats16 e = t - q;
    const Floats16 we = w * e, wq = w * q;
    rest += we * e;
    slope += we * q;
    mean += we;
    qq += wq * q;
    q_sum += wq;
    w_sum += w;
  }
  const Floats16 determinant = qq * w_sum - q_sum * q_sum;
  const Floats16 safe = select16(determinant > 1e-6f * qq * w_sum, determinant, all16(0.0f));
  const Floats16 a = divide_or_zero16(slope * w_sum - mean * q_sum, safe);
  const Floats16 b = divide_or_zero16(mean - a * q_sum, w_sum);
  const Floats16 error = scale * scale * (rest - a * slope - b * mean);
  return {scale + scale * a, offset + scale * b, error, qq, q_sum, w_sum};
}

/// The error of what is stored, computed as decoding does.
template <class Source>
[[gnu::noinline]] Floats16 error_of_affine(const Source& source, float level_max, Floats16 scale, Floats16 offset) {
  const Floats16 inverse = inverse_or_zero16(scale), highest = all16(level_max);
  Floats16 error = all16(0.0f);
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j);
    const Floats16 q = smaller16(larger16(round16((x - offset) * inverse), all16(0.0f)), highest);
    const Floats16 rest = x - (scale * q + offset);
    error += source.importance(j) * rest * rest;
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

struct AffineEffort {
  int candidates, clipped_candidates, refinements;
};

[[gnu::always_inline]] inline AffineEffort affine_effort(Effort effort) {
  if (effort == Effort::fast) return {3, 1, 1};
  if (effort == Effort::standard) return {end_cut_count, 4, 3};
  return {3 * end_cut_count, 12, 6};
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
[[gnu::noinline]] AffineFit search_affine(const Source& source, float level_max, const AffineEffort& effort) {
  const WeightRanges ranges = weight_ranges(source);
  const WeightRange& range = ranges.all;
  const Floats16 step = (range.largest - range.smallest) / level_max;
  AffineFit best = fit_affine(source, level_max, step, range.smallest);
  const Floats16 smaller_step = (ranges.that_counts.largest - ranges.that_counts.smallest) / level_max;
  for (int k = 0; k < effort.clipped_candidates; ++k) {
    // From nearly all of the range to what counts of it.
    const float share = static_cast<float>(k + 1) / static_cast<float>(effort.clipped_candidates);
    best.keep_better(fit_affine(source, level_max, step + (smaller_step - step) * share,
                                range.smallest + (ranges.that_counts.smallest - range.smallest) * share));
  }
  for (int k = 1; k < effort.candidates; ++k) {
    const EndCut cut = end_cut(k, level_max);
    const float kept = (level_max - cut.low - cut.high) / level_max;
    best.keep_better(fit_affine(source, level_max, step * kept, range.smallest + step * cut.low));
  }
  for (int k = 0; k < effort.refinements; ++k) best.keep_better(fit_affine(source, level_max, best.scale, best.offset));
  return best;
}

struct StoredAffine {
  Floats16 scale, offset, error;
};

template <class Source>
[[gnu::always_inline]] inline void try_affine(const Source& source, float level_max, Floats16 scale, Floats16 offset,
                                              StoredAffine& best) {
  const Floats16 error = error_of_affine(source, level_max, scale, offset);
  const Ints16 better = error < best.error;
  best = {select16(better, scale, best.scale), select16(better, offset, best.offset),
          select16(better, error, best.error)};
}

/// The pairs of binary16 numbers around the best pair so far.
template <class Source>
[[gnu::always_inline]] inline void try_affine_neighbours(const Source& source, float level_max,
                                                         const HalfStorage& storage, int reach, StoredAffine& best) {
  const StoredAffine middle = best;
  for (int i = -reach; i <= reach; ++i)
    for (int k = -reach; k <= reach; ++k)
      if (i != 0 || k != 0)
        try_affine(source, level_max, storage.neighbour(middle.scale, i), storage.neighbour(middle.offset, k), best);
}

inline void affine(const LaneGroups& groups, const GroupTask& task, GroupResult& result) {
  const Transposed source(groups);
  const auto storage = storage_of<HalfStorage>(groups);
  const float level_max = task.level_max;
  const WeightRange range = weight_ranges(source).all;
  StoredAffine best{all16(0.0f), all16(0.0f), error_of_affine(source, level_max, all16(0.0f), all16(0.0f))};
  try_affine(source, level_max, storage.round((range.largest - range.smallest) / level_max),
             storage.round(range.smallest), best);
  for (int level = 0; level <= static_cast<int>(task.effort); ++level) {
    const AffineFit fit = search_affine(source, level_max, affine_effort(static_cast<Effort>(level)));
    try_affine(source, level_max, storage.round(fit.scale), storage.round(fit.offset), best);
    if (level > 0) try_affine_neighbours(source, level_max, storage, level, best);
  }
  const Floats16 unit = load16(groups.unit), inverse = inverse_or_zero16(best.scale);
  store16(result.scale, best.scale * unit);
  store16(result.offset, best.offset * unit);
  write_levels(source.weights(), result.levels, [&](int j) {
    return smaller16(larger16(round16((source.weight(j) - best.offset) * inverse), all16(0.0f)), all16(level_max));
  });
}

}  // namespace
}  // namespace quantbench::search
