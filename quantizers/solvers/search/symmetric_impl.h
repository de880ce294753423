// The kernels GroupKernels::symmetric and GroupKernels::zero_point.
#pragma once

#include "quantizers/solvers/search/scale_search_impl.h"

namespace quantbench::search {
namespace {

/// Scales stored as a power of two: 2^(code - 128), as in formats/mxfp4.h.
struct PowerCodes {
  static constexpr int largest = 252;
  [[gnu::always_inline]] static Floats16 value(Ints16 code) {
    return from_bits16(select16(code < 2, (code + 1) << 21, (code - 1) << 23));
  }
  /// The one that takes the largest weight to 8..16 of the levels' 12.
  [[gnu::always_inline]] static Ints16 code_for(Floats16 largest_weight) { return (bits16(largest_weight) >> 23) - 2; }
  static constexpr int coarser[3] = {1, 1, 3}, finer[3] = {1, 2, 5};
};

/// Scales stored as half a UE4M3 number, as in formats/nvfp4.h.
struct Ue4m3Codes {
  static constexpr int largest = 0x7E;
  [[gnu::always_inline]] static Floats16 value(Ints16 code) {
    const Floats16 subnormal = to_floats16(code) * 0x1p-10f;
    const Floats16 normal = from_bits16((code << 20) + (119 << 23));
    return select16(code < 8, subnormal, normal);
  }
  /// The one that takes the largest weight to about 12.
  [[gnu::always_inline]] static Ints16 code_for(Floats16 largest_weight) {
    const Floats16 scale = largest_weight / 12.0f;
    const Ints16 normal = ((bits16(scale) + (1 << 19)) >> 20) - (119 << 3);
    const Ints16 subnormal = to_ints16(round16(smaller16(scale, all16(1.0f)) * 0x1p10f));
    return select16(scale < 0x1p-7f, subnormal, normal);
  }
  static constexpr int coarser[3] = {2, 6, 127}, finer[3] = {2, 5, 127};
};

/// Stored scales near the one that the largest weight asks for.
template <class Codes, class Source, class Rounding>
[[gnu::noinline]] StoredScale search_codes(const LaneGroups& groups, const Source& source, const Rounding& rounding,
                                           const Spread& spread, Effort effort) {
  const Floats16 unit = load16(groups.unit), inverse_unit = 1.0f / unit;
  const Ints16 middle = Codes::code_for(larger16(spread.largest, -spread.smallest) * unit);
  const int level = static_cast<int>(effort);
  StoredScale best{all16(0.0f), all16(worst)};
  for (int k = -Codes::finer[level]; k <= Codes::coarser[level]; ++k) {
    Ints16 code = middle + k;
    code = select16(code < 0, all16(0), code);
    code = select16(code > Codes::largest, all16(Codes::largest), code);
    const Floats16 scale = Codes::value(code) * inverse_unit;
    best.keep_better(scale, error_of_scale(source, rounding, scale));
  }
  return best;
}

template <class Storage, class Source, class Rounding>
[[gnu::noinline]] void try_every_stored(const Source& source, const Rounding& rounding, const Storage& storage,
                                        const Spread& spread, float levels_per_rms, StoredScale& best) {
  try_all_stored(source, rounding, storage, inverse_range(spread, rounding, levels_per_rms), 1, best);
  if (!rounding.negative_scales) return;
  try_all_stored(source, rounding, storage, inverse_range(spread.mirrored(), rounding, levels_per_rms), -1, best);
}

/// Each effort starts from what the smaller ones found, so more effort never gives more error. The scales of plain rounding,
/// which take the largest weight to an end of the levels, are among the candidates.
template <class Storage, class Source, class Rounding>
[[gnu::noinline]] StoredScale search_stored(const Source& source, const Rounding& rounding, const Storage& storage,
                                            const GroupTask& task) {
  const Spread spread = spread_of(source);
  StoredScale best{all16(0.0f), error_of_scale(source, rounding, all16(0.0f))};
  const Floats16 extreme = select16(spread.largest > -spread.smallest, spread.largest, spread.smallest);
  if (rounding.negative_scales) try_stored(source, rounding, storage, extreme / rounding.level_min, best);
  try_stored(source, rounding, storage, magnitude16(extreme) / rounding.level_max, best);
  ScaleFit fit = no_fit();
  for (int level = 0; level <= static_cast<int>(task.effort); ++level) {
    const ScaleEffort effort = scale_effort(static_cast<Effort>(level), task.level_max - task.level_min);
    search_scale(source, rounding, spread, task.levels_per_rms, effort, fit);
    try_stored(source, rounding, storage, fit.scale(), best);
    try_neighbours(source, rounding, storage, effort.neighbours, best);
  }
  if (task.effort == Effort::best && task.scale == ScaleType::half)
    try_every_stored(source, rounding, storage, spread, task.levels_per_rms, best);
  return best;
}

/// Writes the scale and, where these are integers, the nearest levels, each plus the `shift` of its lane.
template <class Source, class Rounding>
[[gnu::always_inline]] inline void write_group(const LaneGroups& groups, const Source& source, const Rounding& rounding,
                                               Floats16 scale, Floats16 shift, GroupResult& result) {
  const Floats16 inverse = inverse_or_zero16(scale);
  store16(result.scale, scale * load16(groups.unit));
  store16(result.offset, all16(0.0f));
  if constexpr (requires { Rounding::finds_levels; }) return;
  const auto level = [&](int j) { return rounding.nearest(source.weight(j), inverse) + shift; };
  if (!groups.one_group) return write_levels(source.weights(), result.levels, level);
  for (int j = 0; j < source.weights(); ++j) result.levels[j] = static_cast<std::int8_t>(level(j)[0]);
}

/// For one group in all lanes: the best lane's value in every lane.
[[gnu::always_inline]] inline void share_best_lane(const LaneGroups& groups, StoredScale& best) {
  if (!groups.one_group) return;
  const int lane = smallest_lane(best.error);
  best = {all16(best.scale[lane]), all16(best.error[lane])};
}

template <class Source, class Rounding>
[[gnu::always_inline]] inline void symmetric_with(const LaneGroups& groups, const Source& source,
                                                  const Rounding& rounding, const GroupTask& task,
                                                  GroupResult& result) {
  StoredScale best = task.scale == ScaleType::half
                         ? search_stored(source, rounding, storage_of<HalfStorage>(groups), task)
                         : search_stored(source, rounding, storage_of<FullStorage>(groups), task);
  share_best_lane(groups, best);
  write_group(groups, source, rounding, best.scale, all16(0.0f), result);
}

[[gnu::always_inline]] inline UniformRounding uniform_rounding(const GroupTask& task) {
  return {all16(task.level_min), all16(task.level_max), task.level_min != -task.level_max};
}

/// Floating point numbers have scales in binary32.
template <class Rounding>
[[gnu::noinline]] void symmetric_minifloats(const LaneGroups& groups, const Rounding& rounding, const GroupTask& task,
                                            GroupResult& result) {
  const Transposed source(groups);
  const StoredScale best = search_stored(source, rounding, storage_of<FullStorage>(groups), task);
  write_group(groups, source, rounding, best.scale, all16(0.0f), result);
}

template <class Codes>
[[gnu::noinline]] void symmetric_e2m1(const LaneGroups& groups, const GroupTask& task, GroupResult& result) {
  const Transposed source(groups);
  const StoredScale best = search_codes<Codes>(groups, source, E2m1Rounding{}, spread_of(source), task.effort);
  write_group(groups, source, E2m1Rounding{}, best.scale, all16(0.0f), result);
}

/// No search: the signs are those of the weights, and the best scale for them is the weighted mean magnitude.
[[gnu::noinline]] inline void symmetric_signs(const LaneGroups& groups, GroupResult& result) {
  const Transposed source(groups);
  const auto storage = storage_of<HalfStorage>(groups);
  const ScaleFit fit = fit_scale(source, SignRounding{}, all16(1.0f));
  StoredScale best{storage.round(fit.scale()), all16(worst)};
  try_stored(source, SignRounding{}, storage, fit.scale(), best);
  try_neighbours(source, SignRounding{}, storage, 1, best);
  write_group(groups, source, SignRounding{}, best.scale, all16(0.0f), result);
}

inline void symmetric(const LaneGroups& groups, const GroupTask& task, GroupResult& result) {
  if (task.levels == Levels::signs) return symmetric_signs(groups, result);
  if (task.scale == ScaleType::power_of_two) return symmetric_e2m1<PowerCodes>(groups, task, result);
  if (task.scale == ScaleType::ue4m3) return symmetric_e2m1<Ue4m3Codes>(groups, task, result);
  if (task.levels == Levels::iq4) return symmetric_with(groups, Transposed(groups), Iq4Rounding{}, task, result);
  const Floats16 lowest = all16(task.level_min), highest = all16(task.level_max);
  if (task.levels == Levels::table)
    return symmetric_with(groups, Transposed(groups), TableRounding{lowest, highest, task.numbers}, task, result);
  if (task.levels == Levels::e4m3)
    return symmetric_minifloats(groups, MinifloatRounding<3>{lowest, highest, 0x1p-6f}, task, result);
  if (task.levels == Levels::e5m2)
    return symmetric_minifloats(groups, MinifloatRounding<2>{lowest, highest, 0x1p-14f}, task, result);
  if (groups.one_group) return symmetric_with(groups, OneGroup(groups), uniform_rounding(task), task, result);
  symmetric_with(groups, Transposed(groups), uniform_rounding(task), task, result);
}

struct ZeroPoint {
  StoredScale scale;
  Floats16 zero;
};

/// How far from the zero point that the range of the weights asks for.
[[gnu::always_inline]] inline int zero_points_around(Effort effort, float steps) {
  if (effort == Effort::fast) return 0;
  if (effort == Effort::standard) return 1;
  return steps < 16 ? 3 : 2;
}

template <class Storage, class Source>
[[gnu::noinline]] ZeroPoint search_zero_point(const Source& source, const Storage& storage, const GroupTask& task) {
  const Spread spread = spread_of(source);
  const float steps = task.level_max - task.level_min;
  const Floats16 plain = larger16((spread.largest - spread.smallest) / steps, all16(1e-30f));
  const Floats16 lowest = all16(task.level_min), highest = all16(task.level_max);
  const Floats16 middle = round16(lowest - spread.smallest / plain);
  ZeroPoint best{{all16(0.0f), all16(worst)}, all16(0.0f)};
  const int around = zero_points_around(task.effort, steps);
  for (int k = -around; k <= around; ++k) {
    const Floats16 zero = smaller16(larger16(middle + static_cast<float>(k), lowest), highest);
    const UniformRounding rounding{lowest - zero, highest - zero, false};
    GroupTask inner = task;
    inner.effort = k == 0 ? task.effort : static_cast<Effort>(static_cast<int>(task.effort) - 1);
    StoredScale found = search_stored(source, rounding, storage, inner);
    try_stored(source, rounding, storage, plain, found);
    best.zero = select16(best.scale.keep_better(found.scale, found.error), zero, best.zero);
  }
  return best;
}

template <class Source>
[[gnu::always_inline]] inline void zero_point_with(const LaneGroups& groups, const Source& source,
                                                   const GroupTask& task, GroupResult& result) {
  ZeroPoint best = task.scale == ScaleType::half ? search_zero_point(source, storage_of<HalfStorage>(groups), task)
                                                 : search_zero_point(source, storage_of<FullStorage>(groups), task);
  if (groups.one_group) {
    best.zero = all16(best.zero[smallest_lane(best.scale.error)]);
    share_best_lane(groups, best.scale);
  }
  const UniformRounding rounding{all16(task.level_min) - best.zero, all16(task.level_max) - best.zero, false};
  write_group(groups, source, rounding, best.scale.scale, best.zero, result);
  store16(result.offset, -load16(result.scale) * best.zero);
}

inline void zero_point(const LaneGroups& groups, const GroupTask& task, GroupResult& result) {
  if (groups.one_group) return zero_point_with(groups, OneGroup(groups), task, result);
  zero_point_with(groups, Transposed(groups), task, result);
}

}  // namespace
}  // namespace quantbench::search
