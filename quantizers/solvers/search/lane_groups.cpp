#include "quantizers/solvers/search/lane_groups.h"

#include <algorithm>
#include <bit>
#include <cmath>
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
  const std::size_t n = batch.group_weights;
  float* const x = x_.resize(n * lanes);
  float* const importance = importance_.resize(n * lanes);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const std::size_t begin = (batch.first_group + std::min(lane, batch.groups - 1)) * n;
    const std::size_t count = std::min(n, row.weights.size() - begin);
    const std::size_t shared = static_cast<std::size_t>(batch.lanes_per_unit);
    if (lane % shared == 0) {
      const std::size_t end = std::min(begin + n * shared, row.weights.size());
      groups_.unit[lane] = unit_of(row.weights.subspan(begin, end - begin));
    } else {
      groups_.unit[lane] = groups_.unit[lane - 1];
    }
    const float inverse = 1.0f / groups_.unit[lane];
    for (std::size_t j = 0; j < count; ++j) {
      x[j * lanes + lane] = row.weights[begin + j] * inverse;
      importance[j * lanes + lane] = row.importance[begin + j];
    }
    for (std::size_t j = count; j < n; ++j) x[j * lanes + lane] = importance[j * lanes + lane] = 0;
  }
  groups_.x = x;
  groups_.importance = importance;
  groups_.weights = static_cast<int>(n);
  groups_.one_group = false;
  return groups_;
}

const LaneGroups& LaneGroupsBuilder::repeat(std::span<const float> weights, std::span<const float> importance) {
  float* const x = x_.resize(weights.size());
  std::fill_n(groups_.unit, lanes, unit_of(weights));
  std::ranges::transform(weights, x, [inverse = 1.0f / groups_.unit[0]](float weight) { return weight * inverse; });
  groups_.x = x;
  groups_.importance = importance.data();
  groups_.weights = static_cast<int>(weights.size());
  groups_.one_group = true;
  return groups_;
}

}  // namespace quantbench::search
