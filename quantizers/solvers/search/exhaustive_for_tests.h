// The least error that a format can store, by trying everything: slow and obvious.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <vector>

#include "core/format.h"
#include "core/half.h"

namespace quantbench {

struct WeightedGroup {
  std::span<const float> weights, importance;

  WeightedGroup part(std::size_t begin, std::size_t count) const {
    return {weights.subspan(begin, count), importance.subspan(begin, count)};
  }
  double largest() const {
    double most = 0;
    for (const float weight : weights) most = std::max(most, std::fabs(static_cast<double>(weight)));
    return most;
  }
};

inline std::vector<double> levels_of(const Format& format) {
  std::vector<double> levels(format.level_values.begin(), format.level_values.end());
  levels.insert(levels.end(), format.float_levels.begin(), format.float_levels.end());
  if (levels.empty())
    for (int level = format.level_min; level <= format.level_max; ++level) levels.push_back(level);
  return levels;
}

/// sum importance (weight - scale * level - offset)^2 with the best level for each weight; `levels` ascend.
inline double nearest_error(const WeightedGroup& group, std::span<const double> levels, double scale,
                            double offset = 0) {
  double error = 0;
  for (std::size_t i = 0; i < group.weights.size(); ++i) {
    const double wanted = scale == 0 ? levels[0] : (group.weights[i] - offset) / scale;
    const auto above = std::ranges::lower_bound(levels, wanted);
    double least = std::numeric_limits<double>::infinity();
    for (const auto at : {above, above == levels.begin() ? above : above - 1})
      if (at != levels.end()) least = std::min(least, std::fabs(group.weights[i] - offset - scale * *at));
    error += group.importance[i] * least * least;
  }
  return error;
}

/// All numbers of binary16 from `smallest` to `largest`, which have the same sign.
inline std::vector<float> halves_between(double smallest, double largest) {
  std::vector<float> found;
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const float value = f16_to_f32(static_cast<std::uint16_t>(half));
    if (value >= smallest && value <= largest) found.push_back(value);
  }
  return found;
}

/// Scales of both signs with which the largest weight is not far from the ends of the levels.
inline std::vector<float> halves_for(double largest_weight, double largest_level) {
  const double full = largest_weight / largest_level;
  std::vector<float> scales = halves_between(0.12 * full, 9 * full);
  const std::size_t positive = scales.size();
  for (std::size_t i = 0; i < positive; ++i) scales.push_back(-scales[i]);
  return scales;
}

inline double largest_level(const Format& format) { return std::max(-format.level_min, format.level_max); }

/// For formats with one scale a group: over all stored scales.
inline double least_error_of_scale(const Format& format, const WeightedGroup& group) {
  const std::vector<double> levels = levels_of(format);
  std::set<float> scales;
  for (const float scale : halves_for(group.largest(), largest_level(format)))
    scales.insert(format.round_affine(format, {scale, 0}).scale);
  double least = std::numeric_limits<double>::infinity();
  for (const float scale : scales) least = std::min(least, nearest_error(group, levels, scale));
  return least;
}

/// For formats with a scale and an offset in binary16: over all pairs near the range of the weights.
inline double least_error_of_affine(const Format& format, const WeightedGroup& group) {
  const std::vector<double> levels = levels_of(format);
  const auto [smallest, largest] = std::ranges::minmax(group.weights);
  const double step = static_cast<double>(largest - smallest) / (format.level_max - format.level_min);
  double least = std::numeric_limits<double>::infinity();
  for (const float scale : halves_between(0.75 * step, 1.06 * step))
    for (const float offset : halves_between(smallest - 0.8 * step, smallest + 2.5 * step))
      least = std::min(least, nearest_error(group, levels, scale, offset));
  return least;
}

/// For super-blocks without mins: over all d and all integer scales.
inline double least_error_of_block(const Format& format, const WeightedGroup& block) {
  const std::vector<double> levels = levels_of(format);
  double least = std::numeric_limits<double>::infinity();
  const double full = block.largest() / largest_level(format) / -format.two_level->scale_min;
  for (const float d : halves_between(0.5 * full, 1.8 * full)) {  // -d with mirrored integers but for the lowest one
    for (const float signed_d : {d, -d}) {
      double total = 0;
      for (std::size_t begin = 0; begin < format.block && total < least; begin += format.group) {
        const WeightedGroup group = block.part(begin, format.group);
        double of_group = std::numeric_limits<double>::infinity();
        for (int scale = format.two_level->scale_min; scale <= format.two_level->scale_max; ++scale)
          of_group = std::min(of_group, nearest_error(group, levels, static_cast<double>(signed_d) * scale));
        total += of_group;
      }
      least = std::min(least, total);
    }
  }
  return least;
}

}  // namespace quantbench
