#include "models/architectures/blocks/rope.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace quantbench {

Matrix rope_rotations(const RopeParameters& rope, std::size_t positions) {
  Matrix rotations(positions, rope.head_size);
  for (std::size_t pair = 0; pair < rope.head_size / 2; ++pair) {
    const double exponent = -2.0 * static_cast<double>(pair) / static_cast<double>(rope.head_size);
    const double factor = rope.frequency_factors.empty() ? 1.0 : static_cast<double>(rope.frequency_factors[pair]);
    const double frequency = std::pow(rope.base, exponent) / factor / rope.linear_factor;
    for (std::size_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(position) * frequency;
      rotations.row(position)[2 * pair] = static_cast<float>(std::cos(angle));
      rotations.row(position)[2 * pair + 1] = static_cast<float>(std::sin(angle));
    }
  }
  return rotations;
}

void apply_rope(Matrix& values, const Matrix& rotations, int threads) {
  const std::size_t head_size = rotations.cols();
  parallel_for(threads, divide_up(values.rows(), rows_per_task), [&](std::size_t task) {
    const std::size_t last = std::min((task + 1) * rows_per_task, values.rows());
    for (std::size_t index = task * rows_per_task; index < last; ++index) {
      float* const row = values.row(index).data();
      const float* const rotation = rotations.row(index % rotations.rows()).data();
      for (std::size_t head = 0; head < values.cols(); head += head_size) {
        for (std::size_t pair = 0; pair < head_size; pair += 2) {
          const float x = row[head + pair], y = row[head + pair + 1];
          row[head + pair] = x * rotation[pair] - y * rotation[pair + 1];
          row[head + pair + 1] = x * rotation[pair + 1] + y * rotation[pair];
        }
      }
    }
  });
}

}  // namespace quantbench
