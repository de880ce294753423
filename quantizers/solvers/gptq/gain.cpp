#include "quantizers/solvers/gptq/gain.h"

#include <algorithm>
#include <vector>

#include "core/matmul/matmul_f32.h"
#include "core/parallel.h"
#include "quantizers/solvers/shrinkage.h"

namespace quantbench::gptq {
namespace {

/// Rows of W H, (rows, cols); H is symmetric. W itself where nothing is known of the inputs.
std::vector<float> times_hessian(const SolverInput& input, std::size_t first_row, std::size_t rows) {
  const std::size_t cols = input.weights.cols;
  const auto weights = input.weights.values.subspan(first_row * cols, rows * cols);
  if (input.calibration.second_moments.empty()) return {weights.begin(), weights.end()};
  std::vector<float> result(rows * cols);
  matmul_f32({.a = weights.data(),
              .a_stride = cols,
              .b = input.calibration.second_moments.data(),
              .b_stride = cols,
              .c = result.data(),
              .c_stride = cols,
              .m = rows,
              .n = cols,
              .k = cols},
             1, input.isa);
  return result;
}

WeightPower power_of_rows(const PanelContext& context, std::size_t first_row, std::size_t rows) {
  const SolverInput& input = context.input;
  RowPanel panel(context, first_row, rows);
  panel.quantize();
  const std::vector<float> products = times_hessian(input, first_row, rows);
  WeightPower power;
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t position = 0; position < input.weights.cols; ++position) {
      const std::size_t column = context.problem.order.column[position];
      const auto product = static_cast<double>(products[row * input.weights.cols + column]);
      power.of_weights += product * static_cast<double>(input.weights.row(first_row + row)[column]);
      power.of_product += product * static_cast<double>(panel.rounded(row)[position]);
    }
  return power;
}

}  // namespace

float unbiased_gain(const PanelContext& context) {
  constexpr std::size_t most_panels = 4, rows_of_panel = 6;
  const MatrixView& weights = context.input.weights;
  if (context.format.bits_per_weight(weights.rows, weights.cols) < least_bits_for_gain) return 1;
  const std::size_t rows = std::min(rows_of_panel, weights.rows);
  std::vector<WeightPower> powers(std::min(most_panels, weights.rows / rows));
  parallel_for(context.input.threads, powers.size(), [&](std::size_t panel) {
    powers[panel] = power_of_rows(context, panel * (weights.rows / powers.size()), rows);
  });
  WeightPower sum;
  for (const WeightPower& power : powers) sum.add(power);
  return gain_against_shrinkage(sum);
}

}  // namespace quantbench::gptq
