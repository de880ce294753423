// Cuts a row into batches of sixteen groups and lays them side by side for the kernels.
#pragma once

#include <span>
#include <vector>

#include "quantizers/solvers/search/group_kernels.h"

namespace quantbench::search {

/// Numbers that vectors of sixteen are read from: aligned to 64 bytes.
class AlignedFloats {
 public:
  float* resize(std::size_t count);

 private:
  std::vector<float> storage_;
};

/// Which groups of a row lie in the lanes.
struct LaneBatch {
  std::size_t first_group = 0;
  std::size_t groups = 0;         // of the row, at most 16 of them wanted; other lanes repeat the last one
  std::size_t group_weights = 0;  // the row's last group may be shorter
  int lanes_per_unit = 1;         // neighbouring lanes that share their unit: 1, 8 or 16
  bool centered = false;          // with the weighted mean of each group taken off
};

class LaneGroupsBuilder {
 public:
  explicit LaneGroupsBuilder(const GroupKernels& kernels) : kernels_(kernels) {}
  /// The groups are valid until the next call.
  const LaneGroups& transpose(const SearchRow& row, const LaneBatch& batch);
  /// One group in all lanes.
  const LaneGroups& repeat(std::span<const float> weights, std::span<const float> importance);

 private:
  const GroupKernels& kernels_;
  LaneGroups groups_;
  AlignedFloats x_, importance_, weighted_;
  std::vector<float> short_group_;  // weights, then importance, with the zeros behind them
};

/// The power of two that brings the largest magnitude into 1 .. 2; the smallest normal number for less than that.
float unit_of(std::span<const float> weights);

}  // namespace quantbench::search
