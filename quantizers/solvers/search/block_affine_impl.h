// Super-blocks with scales and mins: weight = (d * scale) * level - (dmin * min).
#pragma once

#include "quantizers/solvers/search/affine_search_impl.h"
#include "quantizers/solvers/search/block_search_impl.h"

namespace quantbench::search {
namespace {

struct AffineBlock {
  Floats16 d, dmin, scales, mins, total;

  [[gnu::always_inline]] void keep_better(const AffineBlock& other) {
    const Ints16 better = other.total < total;
    *this = {select16(better, other.d, d), select16(better, other.dmin, dmin), select16(better, other.scales, scales),
             select16(better, other.mins, mins), select16(better, other.total, total)};
  }
};

[[gnu::always_inline]] inline BlockEffort affine_block_effort(Effort effort) {
  if (effort == Effort::fast) return {1, 0, 1, 0};
  if (effort == Effort::standard) return {2, 1, 2, 0};
  return {16, 2, 4, 2};
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
  const Floats16 center;
  const GroupSums sums;
  BestAffine group_fits;
  // Of each lane alone: scale, min, what the scale is worth and how the best min follows it.
  Floats16 scale, min, curvature, min_slope;

  [[gnu::always_inline]] void use_group_fits() {
    scale = group_fits.scale();
    min = -(group_fits.offset(sums) + center);
    curvature = larger16(group_fits.curvature, 1e-3f * group_fits.fit.qq);
    min_slope = group_fits.fit.q * sums.inverse_w;
  }

  /// The min that fits best to a scale, levels fixed.
  [[gnu::always_inline]] Floats16 min_for(Floats16 other) const { return fused16(other - scale, min_slope, min); }

  /// The candidates of d that fit scales, each with the dmin that then fits the mins.
  [[gnu::noinline]] Units candidate_units(float from, float to) const {
    const Floats16 d = storage.round(
        best_unit<block_lanes>(scale, curvature, scale_range, scale_range.highest * from, scale_range.highest * to));
    const Floats16 scales = clamp16(round16(scale * inverse_or_zero16(d)), scale_range.lowest, scale_range.highest);
    Floats16 wanted = min_for(d * scales);
    // Mins are not negative: the sign of dmin is that of most of them.
    const Floats16 sign = select16(sum_over16<block_lanes>(sums.w * wanted) < 0.0f, all16(-1.0f), all16(1.0f));
    wanted = larger16(wanted * sign, all16(0.0f)) * sign;
    const Floats16 dmin =
        best_unit<block_lanes>(wanted, sums.w, min_range, min_range.highest * from, min_range.highest * to);
    return {d, storage.round(dmin)};
  }

  /// What the levels of a fit take off the error with this scale and min.
  [[gnu::always_inline]] Floats16 gain(const AffineFit& fit, Floats16 s, Floats16 centered_min) const {
    const Floats16 of_scale = s * ((fit.xq + fit.xq) - s * fit.qq);
    const Floats16 of_min = (s + s) * fit.q - (sums.wx + sums.wx) - centered_min * sums.w;
    return fused16(centered_min, of_min, of_scale);
  }

  /// Solves for d and dmin with all integers and levels fixed.
  [[gnu::noinline]] Units solve(const Units& units, const AffineFit& fit, Floats16 scales, Floats16 mins) const {
    const auto sum = [](Floats16 v) { return sum_over16<block_lanes>(v); };
    const Floats16 s = units.d * scales, m = units.dmin * mins + center;
    // Sums of importance times what is left of the weights, and of that times the levels.
    const Floats16 mean = sums.wx - s * fit.q + m * sums.w, slope = fit.xq - s * fit.qq + m * fit.q;
    const Floats16 a11 = sum(scales * scales * fit.qq), a22 = sum(mins * mins * sums.w);
    const Floats16 a12 = -sum(scales * mins * fit.q);
    const Floats16 b1 = sum(scales * slope), b2 = -sum(mins * mean);
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
      AffineFit found{all16(0.0f), all16(0.0f), all16(0.0f)};
      Floats16 most = all16(-worst), scales = all16(0.0f), mins = all16(0.0f);
      for (int i = -effort.reach; i <= effort.reach; ++i) {
        const Floats16 integer =
            clamp16(round16(scale * inverse_d) + static_cast<float>(i), scale_range.lowest, scale_range.highest);
        const Floats16 s = units.d * integer, inverse = inverse_or_zero16(s);
        const Floats16 middle = round16(min_for(s) * inverse_dmin);
        for (int k = -effort.reach; k <= effort.reach; ++k) {
          const Floats16 of_min = clamp16(middle + static_cast<float>(k), min_range.lowest, min_range.highest);
          const Floats16 m = units.dmin * of_min + center;
          const AffineFit fit = fit_affine(source, level_max, inverse, m * inverse);
          const Floats16 of_fit = gain(fit, s, m);
          const Ints16 better = of_fit > most;
          most = select16(better, of_fit, most);
          scales = select16(better, integer, scales);
          mins = select16(better, of_min, mins);
          found = {select16(better, fit.qq, found.qq), select16(better, fit.q, found.q),
                   select16(better, fit.xq, found.xq)};
        }
      }
      const Floats16 error = error_of_affine(source, level_max, units.d * scales, -(units.dmin * mins + center));
      best.keep_better({units.d, units.dmin, scales, mins, sum_over16<block_lanes>(error)});
      const Units solved = solve(units, found, scales, mins);
      if (!any16((solved.d != units.d) | (solved.dmin != units.dmin))) return;
      units = solved;
    }
  }

  [[gnu::always_inline]] void try_effort(Effort now, AffineBlock& best) {
    search_affine(source, level_max, sums, affine_effort(now), group_fits);
    use_group_fits();
    const BlockEffort effort = affine_block_effort(now);
    const float slice = 0.42f / static_cast<float>(effort.units);
    for (int unit = 0; unit < effort.units; ++unit) {
      const float from = 1.02f - slice * static_cast<float>(unit);
      try_units(candidate_units(from, from - slice), effort, best);
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
  const Floats16 center = load16(groups.center);
  AffineBlockSearch<block_lanes> search{source,
                                        storage_of<HalfStorage>(groups),
                                        task.group.level_max,
                                        {0, static_cast<float>(task.scale_max)},
                                        {0, static_cast<float>(task.largest_min)},
                                        center,
                                        group_sums(source),
                                        {},
                                        {},
                                        {},
                                        {},
                                        {}};
  const Floats16 zero_error = error_of_affine(source, task.group.level_max, all16(0.0f), -center);
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
  const Floats16 inverse = inverse_or_zero16(best.d * best.scales);
  const Floats16 shift = (best.dmin * best.mins + center) * inverse;
  write_levels(source.weights(), result.levels,
               [&](int j) { return affine_level(source.weight(j), inverse, shift, all16(task.group.level_max)); });
}

inline void block_affine(const LaneGroups& groups, const BlockTask& task, BlockResult& result) {
  if (task.groups_per_block == 8) return block_affine_with<8>(groups, task, result);
  block_affine_with<16>(groups, task, result);
}

}  // namespace
}  // namespace quantbench::search
