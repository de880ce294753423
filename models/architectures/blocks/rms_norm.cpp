#include "models/architectures/blocks/rms_norm.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "models/architectures/blocks/matrix.h"
#include "models/architectures/blocks/row_mean.h"

namespace quantbench {

void rms_norm(MatrixView input, const RmsNorm& norm, int threads, std::span<float> output) {
  parallel_for(threads, divide_up(input.rows, rows_per_task), [&](std::size_t task) {
    const std::size_t last = std::min((task + 1) * rows_per_task, input.rows);
    for (std::size_t index = task * rows_per_task; index < last; ++index) {
      const std::span<const float> row = input.row(index);
      const std::span<float> normed = output.subspan(index * input.cols, input.cols);
      const double mean_square = row_mean(row, [](double x) { return x * x; });
      const auto factor = static_cast<float>(1.0 / std::sqrt(mean_square + static_cast<double>(norm.epsilon)));
      for (std::size_t column = 0; column < row.size(); ++column)
        normed[column] = row[column] * factor * norm.weight[column];
    }
  });
}

}  // namespace quantbench
