// Sixteen groups from their rows into the lanes of vectors.
#pragma once

#include "quantizers/solvers/search/group_kernels.h"
#include "quantizers/solvers/search/lanes16.h"

namespace quantbench::search {
namespace {

/// Row `lane` of the source becomes lane `lane` of the result, which is (count, 16).
[[gnu::noinline]] inline void transpose_rows(const float* const* rows, int count, float* result) {
  int first = 0;
  for (; first + 16 <= count; first += 16) {
    Tile16 tile;
    for (int lane = 0; lane < lanes; ++lane) tile.row[lane] = load_anywhere16(rows[lane] + first);
    tile.transpose();
    for (int j = 0; j < 16; ++j) store16(result + (first + j) * lanes, tile.row[j]);
  }
  for (; first < count; ++first)
    for (int lane = 0; lane < lanes; ++lane) result[first * lanes + lane] = rows[lane][first];
}

/// The power of two that brings the largest magnitude of each run of lanes into 1 .. 2; the smallest normal number for less.
[[gnu::always_inline]] inline Floats16 units_of(Floats16 largest, int lanes_per_unit) {
  if (lanes_per_unit == 8) largest = largest_of16<8>(largest);
  if (lanes_per_unit == 16) largest = largest_of16<16>(largest);
  return larger16(from_bits16(bits16(largest) & 0x7F800000), all16(0x1p-126f));
}

inline void lay_out(const LaneRows& rows, float* importance, LaneGroups& groups) {
  transpose_rows(rows.weights, rows.count, groups.x);
  transpose_rows(rows.importance, rows.count, importance);
  Floats16 largest = all16(0.0f);
  for (int j = 0; j < rows.count; ++j) largest = larger16(largest, magnitude16(load16(groups.x + j * lanes)));
  const Floats16 unit = units_of(largest, rows.lanes_per_unit), inverse = 1.0f / unit;
  Floats16 center = all16(0.0f);
  if (rows.centered) {
    Floats16 sum = all16(0.0f), total = all16(0.0f);
    for (int j = 0; j < rows.count; ++j) {
      const Floats16 w = load16(importance + j * lanes);
      sum = fused16(w, load16(groups.x + j * lanes) * inverse, sum);
      total += w;
    }
    center = divide_or_zero16(sum, total);
  }
  for (int j = 0; j < rows.count; ++j) {
    const Floats16 x = load16(groups.x + j * lanes) * inverse - center;
    store16(groups.x + j * lanes, x);
    store16(groups.weighted + j * lanes, load16(importance + j * lanes) * x);
  }
  store16(groups.unit, unit);
  store16(groups.center, center);
  groups.importance = importance;
  groups.weights = rows.count;
  groups.one_group = false;
}

}  // namespace
}  // namespace quantbench::search
