// The inner part of the row encoders: what is stored for sixteen groups at once, one in each lane.
//
// All of it exists once per instruction set and gives the same bits on each (lanes16.h).
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "quantizers/solvers/search/row_encoder.h"

namespace quantbench::search {

constexpr int lanes = 16;

/// Sixteen groups of n weights, as they lie in rows. Shorter ones end in zeros of importance 0.
struct LaneRows {
  const float* weights[lanes];     // (n) each
  const float* importance[lanes];  // likewise
  int count = 0;                   // n
  int lanes_per_unit = 1;          // neighbouring lanes that share their unit
  bool centered = false;           // with the weighted mean of each group taken off
};

/// Weights and importance of sixteen groups of n weights: x[j * 16 + lane]. Weights are in the unit of their lane, a power of
/// two, so that the largest magnitude is below 2 and squares neither overflow nor vanish, and less `center`.
struct alignas(64) LaneGroups {
  float unit[lanes];
  float center[lanes] = {};  // in units
  float* x = nullptr;
  const float* importance = nullptr;
  float* weighted = nullptr;  // importance * x
  int weights = 0;
  /// All lanes hold the same group: x[j]. They try different candidates.
  bool one_group = false;
};

/// `table`: the numbers of GroupTask::numbers; e4m3 and e5m2: those of formats/fp8.h. For these three the kernels find scales only.
enum class Levels { uniform, signs, iq4, e2m1, table, e4m3, e5m2 };
/// The type in which a scale is stored: binary16, binary32, a power of two with 8 bits of exponent, or UE4M3 halved.
enum class ScaleType { half, full, power_of_two, ue4m3 };

/// What a format can store, for formats with a scale (and offset) per group.
struct GroupTask {
  Levels levels = Levels::uniform;
  float level_min = 0, level_max = 0;  // the numbers that they stand for, where they do
  float numbers[16] = {};              // ascending
  ScaleType scale = ScaleType::half;
  /// Levels over the root of the mean square of Gaussian weights, when the scale is best for them.
  float levels_per_rms = 1;
  Effort effort = Effort::standard;
};

/// scale and offset are what is stored, not in the unit of the lane. levels[lane * weights + j].
struct alignas(64) GroupResult {
  float scale[lanes], offset[lanes];
  std::int8_t* levels = nullptr;
};

/// Super-blocks: groups share d (and dmin), their scales (and mins) are integers.
struct BlockTask {
  GroupTask group;
  int scale_min = 0, scale_max = 0, largest_min = 0;
  int groups_per_block = 16;  // or 8: two blocks at a time
};

struct alignas(64) BlockResult {
  float d[lanes], dmin[lanes];  // the same in all lanes of a block
  std::int8_t scales[lanes], mins[lanes];
  std::int8_t* levels = nullptr;
};

struct GroupKernels {
  /// Fills groups.x, groups.weighted and `importance`, which are (n, 16), and all else in `groups`.
  void (*lay_out)(const LaneRows& rows, float* importance, LaneGroups& groups);
  /// weight = scale * level
  void (*symmetric)(const LaneGroups& groups, const GroupTask& task, GroupResult& result);
  /// weight = scale * level + offset, both of the scale's type
  void (*affine)(const LaneGroups& groups, const GroupTask& task, GroupResult& result);
  /// weight = scale * (level - zero), zero an integer among the levels; offset is -scale * zero
  void (*zero_point)(const LaneGroups& groups, const GroupTask& task, GroupResult& result);
  /// weight = d * scales[lane] * level
  void (*block_symmetric)(const LaneGroups& groups, const BlockTask& task, BlockResult& result);
  /// weight = d * scales[lane] * level - dmin * mins[lane]
  void (*block_affine)(const LaneGroups& groups, const BlockTask& task, BlockResult& result);
};

const GroupKernels& group_kernels_scalar();
const GroupKernels& group_kernels_avx2();
const GroupKernels& group_kernels_avx512();

/// Throws Error when this machine cannot run `isa`.
const GroupKernels& group_kernels(Isa isa);

}  // namespace quantbench::search
