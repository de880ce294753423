#include "models/architectures/blocks/layer_norm.h"

#include <cmath>

#include "models/architectures/blocks/matrix.h"
#include "models/architectures/blocks/row_mean.h"

namespace quantbench {

void layer_norm(MatrixView input, const LayerNorm& norm, int threads, std::span<float> output) {
  for_each_row(input.rows, threads, [&](std::size_t index) {
    const std::span<const float> row = input.row(index);
    const std::span<float> normed = output.subspan(index * input.cols, input.cols);
    const double mean = row_mean(row, [](double x) { return x; });
    const double variance = row_mean(row, [mean](double x) { return (x - mean) * (x - mean); });
    const double factor = 1.0 / std::sqrt(variance + static_cast<double>(norm.epsilon));
    for (std::size_t column = 0; column < row.size(); ++column) {
      const auto centered = static_cast<float>((static_cast<double>(row[column]) - mean) * factor);
      normed[column] = centered * norm.weight[column] + (norm.bias.empty() ? 0.0f : norm.bias[column]);
    }
  });
}

}  // namespace quantbench
