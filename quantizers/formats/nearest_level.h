// The nearest of a format's levels, where these stand for the numbers of a table.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/format.h"

namespace quantbench::formats {

class NearestLevel {
 public:
  /// numbers: of the levels from level_min on, ascending.
  NearestLevel(std::span<const float> numbers, int level_min) : level_min_(level_min) {
    for (std::size_t i = 1; i < numbers.size(); ++i)
      middles_.push_back((static_cast<double>(numbers[i - 1]) + static_cast<double>(numbers[i])) / 2);
  }
  explicit NearestLevel(const Format& format) : NearestLevel(format.float_levels, format.level_min) {}

  /// The level whose number is nearest to `value`, which is not NaN; of two, the even level.
  int operator()(double value) const {
    const auto above = std::upper_bound(middles_.begin(), middles_.end(), value);
    const int level = level_min_ + static_cast<int>(above - middles_.begin());
    const bool between_two = above != middles_.begin() && above[-1] == value;
    return between_two && level % 2 != 0 ? level - 1 : level;
  }

  /// levels: of the weights, for this scale as it is stored; 0 where that is 0.
  void round(std::span<const float> weights, float scale, std::int8_t* levels) const {
    for (const float weight : weights)
      *levels++ = scale == 0 ? std::int8_t{0} : static_cast<std::int8_t>((*this)(static_cast<double>(weight / scale)));
  }

 private:
  int level_min_;
  std::vector<double> middles_;  // between neighbours
};

}  // namespace quantbench::formats
