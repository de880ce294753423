#include "models/architectures/blocks/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace quantbench {
namespace {

/// The share of each frequency that YaRN divides by its factor: 0 for the fast ones, 1 for the slow ones.
class YarnRamp {
 public:
  YarnRamp(const YarnScaling& yarn, double base, std::size_t size) {
    const auto pair_of_turns = [&](double turns) {
      return static_cast<double>(size) * std::log(yarn.original_context / (turns * 2 * std::numbers::pi)) /
             (2 * std::log(base));
    };
    first_ = std::max(std::floor(pair_of_turns(yarn.beta_fast)), 0.0);
    last_ = std::min(std::ceil(pair_of_turns(yarn.beta_slow)), static_cast<double>(size) - 1);
    if (first_ == last_) last_ += 0.001;  // as the reference implementation does; a step instead of a division by zero
  }
  double operator()(std::size_t pair) const {
    return std::clamp((static_cast<double>(pair) - first_) / (last_ - first_), 0.0, 1.0);
  }

 private:
  double first_ = 0, last_ = 0;
};

std::vector<double> frequencies(const RopeParameters& rope) {
  const std::size_t size = rope.rotated_size();
  std::vector<double> result(size / 2);
  for (std::size_t pair = 0; pair < size / 2; ++pair) {
    const double exponent = -2.0 * static_cast<double>(pair) / static_cast<double>(size);
    const double factor = rope.frequency_factors.empty() ? 1.0 : static_cast<double>(rope.frequency_factors[pair]);
    result[pair] = std::pow(rope.base, exponent) / factor / rope.linear_factor;
  }
  if (!rope.yarn) return result;
  const YarnRamp ramp(*rope.yarn, rope.base, size);
  for (std::size_t pair = 0; pair < size / 2; ++pair) result[pair] *= ramp(pair) / rope.yarn->factor + (1 - ramp(pair));
  return result;
}

void turn(float& x, float& y, const float* rotation) {
  const float before = x;
  x = before * rotation[0] - y * rotation[1];
  y = before * rotation[1] + y * rotation[0];
}

}  // namespace

Matrix rope_rotations(const RopeParameters& rope, std::size_t positions) {
  Matrix rotations(positions, rope.rotated_size());
  const std::vector<double> all = frequencies(rope);
  for (std::size_t pair = 0; pair < all.size(); ++pair) {
    for (std::size_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(position) * all[pair];
      rotations.row(position)[2 * pair] = static_cast<float>(std::cos(angle) * rope.magnitude);
      rotations.row(position)[2 * pair + 1] = static_cast<float>(std::sin(angle) * rope.magnitude);
    }
  }
  return rotations;
}

void apply_rope(Matrix& values, const RopeParameters& rope, const Matrix& rotations, int threads) {
  const std::size_t size = rotations.cols();
  const bool halves = rope.pairing == RopePairing::halves;
  const std::size_t step = halves ? 1 : 2, distance = halves ? size / 2 : 1;
  for_each_row(values.rows(), threads, [&](std::size_t index) {
    const std::span<float> row = values.row(index);
    const float* const rotation = rotations.row(index % rotations.rows()).data();
    for (std::size_t head = 0; head < row.size(); head += rope.head_size) {
      for (std::size_t pair = 0; pair < size / 2; ++pair) {
        float* const x = &row[head + pair * step];
        turn(*x, x[distance], rotation + 2 * pair);
      }
    }
  });
}

}  // namespace quantbench
