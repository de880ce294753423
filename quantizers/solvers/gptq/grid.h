// The grids of integer formats: weight = scale * (level - zero), one scale and zero for a group of weights.
#pragma once

#include <algorithm>
#include <span>

#include "core/format.h"
#include "quantizers/solvers/gptq/options.h"

namespace quantbench::gptq {

/// What is stored is {scale, offset}; zero is the level of the weight 0. Scale 0: all weights become 0.
struct Grid {
  float scale = 0;
  float offset = 0;  // -scale * zero, rounded once
  float zero = 0;
};

/// Weights of a group and what a squared error of each counts. importance: as long as the weights, or empty: all alike.
struct GroupWeights {
  std::span<const float> weights;
  std::span<const float> importance = {};
  float limit = 0;  // when positive: weights are clamped to -limit..limit first
};

/// Fits grids to weights.
///
/// The range of a group always holds 0, and is its extremes; or, where it is searched, the best of 80 ranges that are shrunk by 0 to 79 % of it.
/// Asymmetric: scale = (max - min) / (levels - 1), zero such that min is the lowest level. Symmetric: the largest magnitude
/// lies half a step above the top level, so that +a and -a are rounded with errors of the same size.
///
/// As published (`reference`): scales are f32 until they are stored; a symmetric grid of weights that are all >= 0 has half the range; a search counts
/// |error|^2.4 of all columns alike. Otherwise: the scale is rounded to the type in which it is stored before zero and levels
/// are found with it; symmetric grids have their whole range; a search counts importance * error^2.
class GridFitter {
 public:
  GridFitter(const Format& format, const Options& options)
      : format_(&format),
        searched_(options.searched_range),
        reference_(options.reference),
        level_min_(static_cast<float>(format.level_min)),
        level_max_(static_cast<float>(format.level_max)) {}

  Grid fit(const GroupWeights& group) const;

  /// Ties to even, then clamped. weight: finite.
  float level(const Grid& grid, float weight) const {
    if (grid.scale == 0) return 0;
    // Adding and subtracting 1.5 * 2^23 rounds what is below 2^22 to an integer, halves to even; levels are far below.
    constexpr float limit = 65536, rounder = 0x1.8p23f;
    const float steps = std::min(std::max(weight / grid.scale, -limit), limit);
    return std::min(std::max((steps + rounder) - rounder + grid.zero, level_min_), level_max_);
  }

  static float value(const Grid& grid, float level) { return grid.scale * level + grid.offset; }

 private:
  struct Range {
    float low = 0, high = 0;
  };
  Range range_of(const GroupWeights& group) const;
  Grid grid_of(Range range) const;
  Grid rounded_grid(Range range) const;
  Grid search(const GroupWeights& group, Range range) const;
  double error(const Grid& grid, const GroupWeights& group, double least) const;

  const Format* format_;
  bool searched_, reference_;
  float level_min_, level_max_;
};

}  // namespace quantbench::gptq
