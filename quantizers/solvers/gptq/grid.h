// Grids: one scale and offset for a group of weights, and the levels of a format.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>

#include "core/format.h"
#include "quantizers/formats/nearest_level.h"
#include "quantizers/solvers/gptq/options.h"

namespace quantbench::gptq {

/// weight = scale * level + offset, as stored; the number that the level stands for, where formats have such.
struct Grid {
  float scale = 0;
  float offset = 0;
  float zero = 0;  // of integer formats: the level of the weight 0, offset is -scale * zero
};

/// Finds levels of a format.
class Rounder {
 public:
  explicit Rounder(const Format& format)
      : table_(format.level_values),
        numbers_(format.float_levels),
        has_offset_(format.has_offset && format.gguf_type.has_value()),
        level_min_(static_cast<float>(format.level_min)),
        level_max_(static_cast<float>(format.level_max)) {
    if (!numbers_.empty()) nearest_number_.emplace(format);
  }

  /// The nearest; of two, the even one. weight: finite.
  float level(const Grid& grid, float weight) const {
    constexpr float limit = 65536;  // far beyond all levels
    const float from_zero = has_offset_ ? weight - grid.offset : weight;
    const float steps = grid.scale == 0 ? 0 : std::min(std::max(from_zero / grid.scale, -limit), limit);
    if (nearest_number_) return static_cast<float>((*nearest_number_)(static_cast<double>(steps)));
    if (!table_.empty()) return nearest_in_table(steps);
    // Adding and subtracting 1.5 * 2^23 rounds what is below 2^22 to an integer, halves to even.
    constexpr float rounder = 0x1.8p23f;
    return std::min(std::max((steps + rounder) - rounder + grid.zero, level_min_), level_max_);
  }

  float value(const Grid& grid, float level) const {
    const float number = numbers_.empty() ? level : numbers_[static_cast<std::size_t>(level - level_min_)];
    return grid.scale * number + grid.offset;
  }

 private:
  float nearest_in_table(float steps) const {
    float best = static_cast<float>(table_.front());
    for (const std::int8_t entry : table_) {
      const auto level = static_cast<float>(entry);
      if (std::fabs(steps - level) < std::fabs(steps - best)) best = level;
    }
    return best;
  }

  std::span<const std::int8_t> table_;
  std::span<const float> numbers_;
  std::optional<formats::NearestLevel> nearest_number_;
  bool has_offset_;
  float level_min_, level_max_;
};

/// Weights of a group and what a squared error of each counts. importance: as long as the weights, or empty: all alike.
struct GroupWeights {
  std::span<const float> weights;
  std::span<const float> importance = {};
};

/// Fits grids of integer formats to weights.
///
/// The range of a group always holds 0, and is its extremes; or, where it is searched, the best of 80 ranges that are shrunk by 0 to 79 %.
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
        rounder_(format),
        level_min_(static_cast<float>(format.level_min)),
        level_max_(static_cast<float>(format.level_max)) {}

  Grid fit(const GroupWeights& group) const;

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
  Rounder rounder_;
  float level_min_, level_max_;
};

}  // namespace quantbench::gptq
