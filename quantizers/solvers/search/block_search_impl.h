// Super-blocks: the scales of groups are integers in the unit d of their block (and mins in the unit dmin), and all are
// chosen together.
//
// For fixed levels the error of a group is an exact quadratic in its scale (and min), known from the group's own fit. It
// ranks candidates of d at the cost of a few operations a group; the best ones are then judged by the true error: levels are
// rounded again with what is stored, neighbours of the integers are tried, and d is solved again with all integers fixed.
// A change stays only when the true error of the block falls.
//
// Lanes are groups; a block is 8 or 16 neighbouring lanes, and what belongs to it is the same in each of them.
#pragma once

#include "quantizers/solvers/search/symmetric_impl.h"

namespace quantbench::search {
namespace {

struct BlockEffort {
  int units;       // candidates of d that are judged by the true error
  int unit_steps;  // candidates that each of them is the best of
  int reach;       // of the integers' neighbours
  int solves;      // of d, with all integers fixed
  int unit_reach;  // of the neighbours of d as it is stored
};

/// Fine scales are worth more tries: which of many similar ones suits the weights best is chance.
[[gnu::always_inline]] inline BlockEffort block_effort(Effort effort, int scale_max) {
  const bool fine = scale_max > 100;
  if (effort == Effort::fast) return {1, 12, 0, 1, 0};
  if (effort == Effort::standard) return fine ? BlockEffort{1, 24, 4, 1, 0} : BlockEffort{2, 12, 1, 2, 0};
  return {16, 12, fine ? 14 : 4, 3, 2};
}

[[gnu::always_inline]] inline Floats16 clamp16(Floats16 v, float lowest, float highest) {
  return smaller16(larger16(v, all16(lowest)), all16(highest));
}

/// The lane of the block with the largest magnitude, with its sign.
template <int block_lanes>
[[gnu::always_inline]] inline Floats16 extreme_of_block(Floats16 v) {
  const Floats16 up = largest_of16<block_lanes>(v), down = largest_of16<block_lanes>(-v);
  return select16(up > down, up, -down);
}

/// Range of the integers and how the candidates of their unit are spread: the extreme value becomes `from` .. `to`.
struct IntegerRange {
  float lowest, highest;
};

/// Values (a scale or a min for each lane) as integers in a unit of their block: minimises sum weight (value - unit * integer)^2
/// over the unit, among candidates that take the extreme value of the block to an integer from `from` to `to`.
template <int block_lanes>
[[gnu::noinline]] Floats16 best_unit(Floats16 value, Floats16 weight, const IntegerRange& range, float from, float to,
                                     int count) {
  const Floats16 extreme = extreme_of_block<block_lanes>(value);
  const Floats16 inverse_extreme = inverse_or_zero16(extreme);
  Floats16 best = all16(0.0f), best_error = all16(worst);
  for (int k = 0; k < count; ++k) {
    const float target = from + (to - from) * (static_cast<float>(k) + 0.5f) / static_cast<float>(count);
    const Floats16 integer = clamp16(round16(value * (inverse_extreme * target)), range.lowest, range.highest);
    const Floats16 square = sum_over16<block_lanes>(weight * integer * integer);
    const Floats16 unit = divide_or_zero16(sum_over16<block_lanes>(weight * value * integer), square);
    const Floats16 rest = value - unit * integer;
    const Floats16 error = sum_over16<block_lanes>(weight * rest * rest);
    const Ints16 better = error < best_error;
    best = select16(better, unit, best);
    best_error = select16(better, error, best_error);
  }
  return best;
}

/// The error of each lane for a stored scale, and what solving for d needs.
struct SymmetricCheck {
  Floats16 error, slope, curvature;  // slope: sum importance * rest * level
};

template <class Rounding>
[[gnu::noinline]] SymmetricCheck check_scale(const Transposed& source, const Rounding& rounding, Floats16 scale) {
  const Floats16 inverse = inverse_or_zero16(scale);
  SymmetricCheck check{all16(0.0f), all16(0.0f), all16(0.0f)};
  for (int j = 0; j < source.weights(); ++j) {
    const Floats16 x = source.weight(j), w = source.importance(j);
    const Floats16 q = rounding.nearest(x * inverse);
    const Floats16 rest = x - scale * q;
    const Floats16 wr = w * rest;
    check.error += wr * rest;
    check.slope += wr * q;
    check.curvature += w * q * q;
  }
  return check;
}

struct SymmetricBlock {
  Floats16 d, integers, total;

  [[gnu::always_inline]] void keep_better(const SymmetricBlock& other) {
    const Ints16 better = other.total < total;
    d = select16(better, other.d, d);
    integers = select16(better, other.integers, integers);
    total = select16(better, other.total, total);
  }
};

template <int block_lanes, class Rounding>
struct SymmetricBlockSearch {
  const Transposed& source;
  const Rounding& rounding;
  const HalfStorage storage;
  const IntegerRange range;
  Floats16 wanted;  // scale of each lane

  /// With d as given, the integer of each lane is the best one within `reach` of the wanted scale. Then d is solved again.
  [[gnu::noinline]] void try_unit(Floats16 d, const BlockEffort& effort, SymmetricBlock& best) const {
    for (int solve = 0; solve <= effort.solves; ++solve) {
      const Floats16 middle = round16(wanted * inverse_or_zero16(d));
      SymmetricCheck found{all16(worst), all16(0.0f), all16(0.0f)};
      Floats16 integers = all16(0.0f);
      for (int k = -effort.reach; k <= effort.reach; ++k) {
        const Floats16 integer = clamp16(middle + static_cast<float>(k), range.lowest, range.highest);
        const SymmetricCheck check = check_scale(source, rounding, d * integer);
        const Ints16 better = check.error < found.error;
        integers = select16(better, integer, integers);
        found = {select16(better, check.error, found.error), select16(better, check.slope, found.slope),
                 select16(better, check.curvature, found.curvature)};
      }
      best.keep_better({d, integers, sum_over16<block_lanes>(found.error)});
      const Floats16 slope = sum_over16<block_lanes>(integers * found.slope);
      const Floats16 curvature = sum_over16<block_lanes>(integers * integers * found.curvature);
      const Floats16 solved = storage.round(d + divide_or_zero16(slope, curvature));
      if (!any16(solved != d)) return;
      d = solved;
    }
  }

  [[gnu::noinline]] void try_units(Floats16 weight, const BlockEffort& effort, SymmetricBlock& best) const {
    const float ends[2] = {range.lowest, range.highest};
    for (int unit = 0; unit < effort.units; ++unit) {
      // Both signs of d in turn, from the whole range of integers to three fifths of it.
      const float end = ends[unit % 2];
      const int slices = (effort.units + 1) / 2;
      const float slice = 0.42f / static_cast<float>(slices);
      const int slice_index = unit / 2;
      const float from = 1.02f - slice * static_cast<float>(slice_index);
      const Floats16 d =
          best_unit<block_lanes>(wanted, weight, range, end * from, end * (from - slice), effort.unit_steps);
      try_unit(storage.round(d), effort, best);
    }
  }
};

template <int block_lanes, class Rounding>
[[gnu::always_inline]] inline void block_symmetric_with(const LaneGroups& groups, const Rounding& rounding,
                                                        const BlockTask& task, BlockResult& result) {
  const Transposed source(groups);
  const Spread spread = spread_of(source);
  SymmetricBlockSearch<block_lanes, Rounding> search{
      source,
      rounding,
      storage_of<HalfStorage>(groups),
      {static_cast<float>(task.scale_min), static_cast<float>(task.scale_max)},
      all16(0.0f)};
  SymmetricBlock best{all16(0.0f), all16(0.0f), sum_over16<block_lanes>(error_of_scale(source, rounding, all16(0.0f)))};
  for (int level = 0; level <= static_cast<int>(task.group.effort); ++level) {
    const Effort now = static_cast<Effort>(level);
    const ScaleFit fit = search_scale(source, rounding, spread, task.group.levels_per_rms,
                                      scale_effort(now, task.group.level_max - task.group.level_min));
    search.wanted = fit.scale;
    const BlockEffort effort = block_effort(now, task.scale_max);
    search.try_units(fit.curvature, effort, best);
    const Floats16 middle = best.d;
    BlockEffort once = effort;
    once.solves = 0;
    for (int k = -effort.unit_reach; k <= effort.unit_reach; ++k)
      if (k != 0) search.try_unit(search.storage.neighbour(middle, k), once, best);
  }
  const Floats16 scale = best.d * best.integers, inverse = inverse_or_zero16(scale);
  store16(result.d, best.d * load16(groups.unit));
  for (int lane = 0; lane < lanes; ++lane) result.scales[lane] = static_cast<std::int8_t>(best.integers[lane]);
  write_levels(source.weights(), result.levels, [&](int j) { return rounding.nearest(source.weight(j) * inverse); });
}

inline void block_symmetric(const LaneGroups& groups, const BlockTask& task, BlockResult& result) {
  if (task.group.levels == Levels::iq4) return block_symmetric_with<8>(groups, Iq4Rounding{}, task, result);
  block_symmetric_with<16>(groups, uniform_rounding(task.group), task, result);
}

}  // namespace
}  // namespace quantbench::search
