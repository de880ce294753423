#include "models/architectures/blocks/rms_norm.h"

#include <cmath>

#include "models/architectures/blocks/matrix.h"
#include "models/architectures/blocks/row_mean.h"

namespace quantbench {

void rms_norm(MatrixView input, const RmsNorm& norm, int threads, std::span<float> output) {
  for_each_row(input.rows, threads, [&](std::size_t index) {
    const std::span<const float> row = input.row(index);
    const std::span<float> normed = output.subspan(index * input.cols, input.cols);
    const double mean_square = row_mean(row, [](double x) { return x * x; });
    const auto factor = static_cast<float>(1.0 / std::sqrt(mean_square + static_cast<double>(norm.epsilon)));
    for (std::size_t column = 0; column < row.size(); ++column)
      normed[column] = row[column] * factor * norm.weight[column];
  });
}

}  // namespace quantbench
