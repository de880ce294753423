#include "models/architectures/blocks/rms_norm.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "models/architectures/blocks/matrix.h"

namespace quantbench {
namespace {

double mean_square(std::span<const float> row) {
  constexpr std::size_t lanes = 8;
  double sums[lanes] = {};
  std::size_t index = 0;
  for (; index + lanes <= row.size(); index += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const double value = row[index + lane];
      sums[lane] += value * value;
    }
  }
  for (std::size_t lane = 0; index < row.size(); ++index, ++lane) {
    const double value = row[index];
    sums[lane] += value * value;
  }
  const double sum = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  return sum / static_cast<double>(row.size());
}

}  // namespace

void rms_norm(MatrixView input, const RmsNorm& norm, int threads, std::span<float> output) {
  parallel_for(threads, divide_up(input.rows, rows_per_task), [&](std::size_t task) {
    const std::size_t last = std::min((task + 1) * rows_per_task, input.rows);
    for (std::size_t index = task * rows_per_task; index < last; ++index) {
      const std::span<const float> row = input.row(index);
      const std::span<float> normed = output.subspan(index * input.cols, input.cols);
      const auto factor = static_cast<float>(1.0 / std::sqrt(mean_square(row) + static_cast<double>(norm.epsilon)));
      for (std::size_t column = 0; column < row.size(); ++column)
        normed[column] = row[column] * factor * norm.weight[column];
    }
  });
}

}  // namespace quantbench
