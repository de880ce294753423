#include "quantizers/solvers/search/lane_groups.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <memory>

namespace quantbench::search {

float* AlignedFloats::resize(std::size_t count) {
  constexpr std::size_t alignment = 64;
  storage_.resize(count + alignment / sizeof(float));
  void* p = storage_.data();
  std::size_t space = storage_.size() * sizeof(float);
  return static_cast<float*>(std::align(alignment, count * sizeof(float), p, space));
}

float unit_of(std::span<const float> weights) {
  std::uint32_t largest = 0;
  for (const float weight : weights) largest = std::max(largest, std::bit_cast<std::uint32_t>(weight) & 0x7FFFFFFFu);
  const std::uint32_t exponent = largest & 0x7F800000u;
  return std::bit_cast<float>(std::max(exponent, 0x00800000u));
}

const LaneGroups& LaneGroupsBuilder::transpose(const SearchRow& row, const LaneBatch& batch) {
  const std::size_t n = batch.group_weights, last = batch.first_group + batch.groups - 1;
  LaneRows rows;
  rows.count = static_cast<int>(n);
  rows.lanes_per_unit = batch.lanes_per_unit;
  rows.centered = batch.centered;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::size_t begin = std::min(batch.first_group + lane, last) * n;
    rows.weights[lane] = row.weights.data() + begin;
    rows.importance[lane] = row.importance.data() + begin;
  }
  if (const std::size_t begin = last * n; begin + n > row.weights.size()) {
    short_group_.assign(2 * n, 0.0f);
    std::ranges::copy(row.weights.subspan(begin), short_group_.begin());
    std::ranges::copy(row.importance.subspan(begin), short_group_.begin() + static_cast<std::ptrdiff_t>(n));
    for (std::size_t lane = batch.groups - 1; lane < lanes; ++lane) {
      rows.weights[lane] = short_group_.data();
      rows.importance[lane] = short_group_.data() + n;
    }
  }
  groups_.x = x_.resize(n * lanes);
  groups_.weighted = weighted_.resize(n * lanes);
  kernels_.lay_out(rows, importance_.resize(n * lanes), groups_);
  return groups_;
}

const LaneGroups& LaneGroupsBuilder::repeat(std::span<const float> weights, std::span<const float> importance) {
  float* const x = x_.resize(weights.size());
  std::fill_n(groups_.unit, lanes, unit_of(weights));
  std::ranges::transform(weights, x, [inverse = 1.0f / groups_.unit[0]](float weight) { return weight * inverse; });
  groups_.x = x;
  groups_.weighted = weighted_.resize(weights.size());
  std::ranges::transform(importance, std::span(x, weights.size()), groups_.weighted, std::multiplies<>());
  groups_.importance = importance.data();
  groups_.weights = static_cast<int>(weights.size());
  groups_.one_group = true;
  return groups_;
}

}  // namespace quantbench::search
