// Super-blocks with scales and mins: weight = (d * scale) * level - (dmin * min).
#pragma once

#include "quantizers/solvers/search/affine_search_impl.h"
#include "quantizers/solvers/search/block_search_impl.h"

namespace quantbench::search {
namespace {

/// The error of each lane for a stored scale and min, and what solving for d and dmin needs.
struct AffineCheck {
  Floats16 error;
  Floats16 slope, mean;  // sums of importance * rest * level, importance * rest
  Floats16 qq, q;        // sums of importance * level^2, importance * level

  [[gnu::always_inline]] Ints16 keep_better(const AffineCheck& other) {
    const Ints16 better = other.error < error;
    *this = {select16(better, other.error, error), select16(better, other.slope, slope),
             select16(better, other.mean, mean), select16(better, other.qq, qq), select16(better, other.q, q)};
    return better;
  }
};

[[gnu::noinline]] AffineCheck check_affine(const Transposed& source, float level_max, Floats16 scale, Floats16 min) {
  const Floats16 inverse = inverse_or_zero16(scale), highest = all16(level_max);
  AffineCheck check{all16(0.0f), all16(0.0f), all16(0.0f), all16(0.0f), all16(0.0f)};
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j), w = source.importance(j);
    const Floats16 q = smaller16(larger16(round16((x + min) * inverse), all16(0.0f)), highest);
    const Floats16 rest = x - (scale * q - min);
    const Floats16 wr = w * rest, wq = w * q;
    check.error += wr * rest;
    check.slope += wr * q;
    check.mean += wr;
    check.qq += wq * q;
    check.q += wq;
  }
  return check;
}

struct AffineBlock {
  Floats16 d, dmin, scales, mins, total;

  [[gnu::always_inline]] void keep_better(const AffineBlock& other) {
    const Ints16 better = other.total < total;
    *this = {select16(better, other.d, d), select16(better, other.dmin, dmin), select16(better, other.scales, scales),
             select16(better, other.mins, mins), select16(better, other.total, total)};
  }
};

[[gnu::always_inline]] inline BlockEffort affine_block_effort(Effort effort) {
  if (effort == Effort::fast) return {1, 12, 0, 1, 0};
  if (effort == Effort::standard) return {2, 12, 1, 2, 0};
  return {16, 12, 2, 4, 2};
}

struct Units {
  Floats16 d, dmin;
};

template <int block_lanes>
struct AffineBlockSearch {
  const Transposed& source;
  const HalfStorage storage;
  const float level_max;
  const IntegerRange scale_range, min_range;
  AffineFit fit;       // of each lane alone
  Floats16 min_slope;  // how the best min follows the scale
  Floats16 w;          // sum of importance

  [[gnu::always_inline]] void use(const AffineFit& of_lanes) {
    fit = of_lanes;
    min_slope = divide_or_zero16(fit.q, fit.w);
  }

  /// The min that fits best to a scale, levels fixed.
  [[gnu::always_inline]] Floats16 min_for(Floats16 scale) const { return (scale - fit.scale) * min_slope - fit.offset; }

  /// The candidates of d that fit scales, each with the dmin that then fits the mins.
  [[gnu::noinline]] Units candidate_units(float from, float to, int count) const {
    const Floats16 weight = larger16(fit.qq - fit.q * min_slope, 1e-3f * fit.qq);
    const Floats16 d = storage.round(best_unit<block_lanes>(fit.scale, weight, scale_range, scale_range.highest * from,
                                                            scale_range.highest * to, count));
    const Floats16 scales = clamp16(round16(fit.scale * inverse_or_zero16(d)), scale_range.lowest, scale_range.highest);
    Floats16 min = min_for(d * scales);
    // Mins are not negative: the sign of dmin is that of most of them.
    const Floats16 sign = select16(sum_over16<block_lanes>(fit.w * min) < 0.0f, all16(-1.0f), all16(1.0f));
    min = larger16(min * sign, all16(0.0f)) * sign;
    const Floats16 dmin =
        best_unit<block_lanes>(min, fit.w, min_range, min_range.highest * from, min_range.highest * to, count);
    return {d, storage.round(dmin)};
  }

  /// Solves for d and dmin with all integers and levels fixed.
  [[gnu::noinline]] Units solve(const Units& units, const AffineCheck& check, Floats16 scales, Floats16 mins) const {
    const auto sum = [](Floats16 v) { return sum_over16<block_lanes>(v); };
    const Floats16 a11 = sum(scales * scales * check.qq), a22 = sum(mins * mins * fit.w);
    const Floats16 a12 = -sum(scales * mins * check.q);
    const Floats16 b1 = sum(scales * check.slope), b2 = -sum(mins * check.mean);
    const Floats16 determinant = a11 * a22 - a12 * a12;
    const Floats16 safe = select16(determinant > 1e-6f * a11 * a22, determinant, all16(0.0f));
    const Ints16 both = safe > 0.0f;
    const Floats16 d = select16(both, divide_or_zero16(b1 * a22 - b2 * a12, safe), divide_or_zero16(b1, a11));
    const Floats16 dmin = select16(both, divide_or_zero16(b2 * a11 - b1 * a12, safe), all16(0.0f));
    return {storage.round(units.d + d), storage.round(units.dmin + dmin)};
  }

  /// With d and dmin as given, the best integers of each lane within `reach`; then d and dmin are solved again.
  [[gnu::noinline]] void try_units(Units units, const BlockEffort& effort, AffineBlock& best) const {
    for (int round = 0; round <= effort.solves; ++round) {
      const Floats16 inverse_d = inverse_or_zero16(units.d), inverse_dmin = inverse_or_zero16(units.dmin);
      AffineCheck found{all16(worst), all16(0.0f), all16(0.0f), all16(0.0f), all16(0.0f)};
      Floats16 scales = all16(0.0f), mins = all16(0.0f);
      for (int i = -effort.reach; i <= effort.reach; ++i) {
        const Floats16 scale =
            clamp16(round16(fit.scale * inverse_d) + static_cast<float>(i), scale_range.lowest, scale_range.highest);
        const Floats16 middle = round16(min_for(units.d * scale) * inverse_dmin);
        for (int k = -effort.reach; k <= effort.reach; ++k) {
          const Floats16 min = clamp16(middle + static_cast<float>(k), min_range.lowest, min_range.highest);
          const Ints16 better = found.keep_better(check_affine(source, level_max, units.d * scale, units.dmin * min));
          scales = select16(better, scale, scales);
          mins = select16(better, min, mins);
        }
      }
      best.keep_better({units.d, units.dmin, scales, mins, sum_over16<block_lanes>(found.error)});
      const Units solved = solve(units, found, scales, mins);
      if (!any16((solved.d != units.d) | (solved.dmin != units.dmin))) return;
      units = solved;
    }
  }

  [[gnu::always_inline]] void try_effort(Effort now, AffineBlock& best) {
    use(search_affine(source, level_max, affine_effort(now)));
    const BlockEffort effort = affine_block_effort(now);
    const float slice = 0.42f / static_cast<float>(effort.units);
    for (int unit = 0; unit < effort.units; ++unit) {
      const float from = 1.02f - slice * static_cast<float>(unit);
      try_units(candidate_units(from, from - slice, effort.unit_steps), effort, best);
    }
    BlockEffort once = effort;
    once.solves = 0;
    const AffineBlock middle = best;
    for (int i = -effort.unit_reach; i <= effort.unit_reach; ++i)
      for (int k = -effort.unit_reach; k <= effort.unit_reach; ++k)
        if (i != 0 || k != 0)
          try_units({storage.neighbour(middle.d, i), storage.neighbour(middle.dmin, k)}, once, best);
  }
};

template <int block_lanes>
[[gnu::noinline]] void block_affine_with(const LaneGroups& groups, const BlockTask& task, BlockResult& result) {
  const Transposed source(groups);
  AffineBlockSearch<block_lanes> search{source,
                                        storage_of<HalfStorage>(groups),
                                        task.group.level_max,
                                        {0, static_cast<float>(task.scale_max)},
                                        {0, static_cast<float>(task.largest_min)},
                                        {},
                                        {},
                                        {}};
  const Floats16 zero_error = error_of_affine(source, task.group.level_max, all16(0.0f), all16(0.0f));
  AffineBlock best{all16(0.0f), all16(0.0f), all16(0.0f), all16(0.0f), sum_over16<block_lanes>(zero_error)};
  for (int level = 0; level <= static_cast<int>(task.group.effort); ++level)
    search.try_effort(static_cast<Effort>(level), best);

  const Floats16 unit = load16(groups.unit);
  store16(result.d, best.d * unit);
  store16(result.dmin, best.dmin * unit);
  for (int lane = 0; lane < lanes; ++lane) {
    result.scales[lane] = static_cast<std::int8_t>(best.scales[lane]);
    result.mins[lane] = static_cast<std::int8_t>(best.mins[lane]);
  }
  const Floats16 inverse = inverse_or_zero16(best.d * best.scales), min = best.dmin * best.mins;
  write_levels(source.weights(), result.levels, [&](int j) {
    return smaller16(larger16(round16((source.weight(j) + min) * inverse), all16(0.0f)), all16(task.group.level_max));
  });
}

inline void block_affine(const LaneGroups& groups, const BlockTask& task, BlockResult& result) {
  if (task.groups_per_block == 8) return block_affine_with<8>(groups, task, result);
  block_affine_with<16>(groups, task, result);
}

}  // namespace
}  // namespace quantbench::search
