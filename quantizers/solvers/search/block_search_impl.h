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
  int units;       // candidates of d that are judged by the true error, each the best of sixteen
  int reach;       // of the integers' neighbours
  int solves;      // of d, with all integers fixed
  int unit_reach;  // of the neighbours of d as it is stored
};

/// Fine scales are worth more tries: which of many similar ones suits the weights best is chance.
[[gnu::always_inline]] inline BlockEffort block_effort(Effort effort, int scale_max) {
  const bool fine = scale_max > 100;
  if (effort == Effort::fast) return {1, 0, 1, 0};
  if (effort == Effort::standard) return {1, 1, fine ? 0 : 1, 0};
  return {16, fine ? 14 : 4, 3, 2};
}

/// The scale of a group need not be found closely before it is rounded to an integer of the block's unit; with uneven levels
/// it pays.
[[gnu::always_inline]] inline ScaleEffort block_scale_effort(Effort effort, bool levels_are_even) {
  if (effort == Effort::fast) return {5, 0, 1, 0};
  if (effort == Effort::standard) return levels_are_even ? ScaleEffort{2, 4, 1, 0} : ScaleEffort{20, 10, 2, 0};
  return {64, 64, 4, 0};
}

[[gnu::always_inline]] inline Floats16 clamp16(Floats16 v, float lowest, float highest) {
  return smaller16(larger16(v, all16(lowest)), all16(highest));
}

/// Range of the integers and how the candidates of their unit are spread: the extreme value becomes `from` .. `to`.
struct IntegerRange {
  float lowest, highest;
};

/// Values (a scale or a min for each lane) as integers in a unit of their block: minimises sum weight (value - unit * integer)^2
/// over the unit, among sixteen candidates, one in each lane, that take the extreme value of the block to `from` .. `to`.
template <int block_lanes>
[[gnu::noinline]] Floats16 best_unit(Floats16 value, Floats16 weight, const IntegerRange& range, float from, float to) {
  const Floats16 up = largest_of16<block_lanes>(value), down = largest_of16<block_lanes>(-value);
  const Floats16 extremes = select16(up > down, up, -down);
  alignas(64) float values[lanes], weights[lanes];
  store16(values, value);
  store16(weights, weight);
  const Floats16 targets = from + (to - from) * ((to_floats16(lane_numbers16()) + 0.5f) * 0.0625f);
  const UniformRounding rounding{all16(range.lowest), all16(range.highest), false};
  Floats16 result = all16(0.0f);
  for (int first = 0; first < lanes; first += block_lanes) {
    const Floats16 inverse = targets * inverse_or_zero16(all16(extremes[first]));
    Floats16 product = all16(0.0f), square = all16(0.0f);
    for (int lane = first; lane < first + block_lanes; ++lane) {
      const Floats16 integer = rounding.nearest(all16(values[lane]), inverse);
      const Floats16 weighted = weights[lane] * integer;
      product = fused16(weighted, all16(values[lane]), product);
      square = fused16(weighted, integer, square);
    }
    const Floats16 unit = divide_or_zero16(product, square), gain = unit * product;
    const Floats16 best_gain = largest_of16<lanes>(gain);
    // Of equally good ones the largest.
    const Floats16 best = largest_of16<lanes>(select16(gain >= best_gain, unit, all16(-worst)));
    result = select16(lane_numbers16() > first - 1, best, result);
  }
  return result;
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
      ScaleFit found = no_fit();
      Floats16 gain = all16(-worst), integers = all16(0.0f);
      for (int k = -effort.reach; k <= effort.reach; ++k) {
        const Floats16 integer = clamp16(middle + static_cast<float>(k), range.lowest, range.highest);
        const Floats16 scale = d * integer;
        const ScaleFit fit = fit_scale(source, rounding, inverse_or_zero16(scale));
        const Floats16 of_fit = fit.gain(scale);
        const Ints16 better = of_fit > gain;
        gain = select16(better, of_fit, gain);
        integers = select16(better, integer, integers);
        found = {select16(better, fit.product, found.product), select16(better, fit.curvature, found.curvature)};
      }
      best.keep_better({d, integers, sum_over16<block_lanes>(error_of_scale(source, rounding, d * integers))});
      const Floats16 product = sum_over16<block_lanes>(integers * found.product);
      const Floats16 curvature = sum_over16<block_lanes>(integers * integers * found.curvature);
      const Floats16 solved = storage.round(divide_or_zero16(product, curvature));
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
      const int number = unit / 2;
      const float from = 1.02f - slice * static_cast<float>(number);
      try_unit(storage.round(best_unit<block_lanes>(wanted, weight, range, end * from, end * (from - slice))), effort,
               best);
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
  ScaleFit fit = no_fit();
  for (int level = 0; level <= static_cast<int>(task.group.effort); ++level) {
    const Effort now = static_cast<Effort>(level);
    search_scale(source, rounding, spread, task.group.levels_per_rms,
                 block_scale_effort(now, task.group.levels == Levels::uniform), fit);
    search.wanted = fit.scale();
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
  write_levels(source.weights(), result.levels, [&](int j) { return rounding.nearest(source.weight(j), inverse); });
}

inline void block_symmetric(const LaneGroups& groups, const BlockTask& task, BlockResult& result) {
  if (task.group.levels == Levels::iq4) return block_symmetric_with<8>(groups, Iq4Rounding{}, task, result);
  block_symmetric_with<16>(groups, uniform_rounding(task.group), task, result);
}

}  // namespace
}  // namespace quantbench::search
