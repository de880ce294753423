#include "eval/metrics/weight_error.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"
#include "kernels/cpu/decode.h"

namespace quantbench {
namespace {

WeightErrorSums row_sums(std::span<const float> original, std::span<const float> quantized,
                         std::span<const float> mean_square) {
  WeightErrorSums sums;
  sums.weights = original.size();
  sums.weighted = !mean_square.empty();
  for (std::size_t column = 0; column < original.size(); ++column) {
    const double weight = original[column], value = quantized[column];
    const double error = weight - value;
    sums.squared_error += error * error;
    sums.squared_original += weight * weight;
    sums.squared_quantized += value * value;
    sums.product += weight * value;
    sums.max_abs_error = std::max(sums.max_abs_error, std::fabs(error));
    if (!sums.weighted) continue;
    const double importance = mean_square[column];
    sums.weighted_squared_error += importance * (error * error);
    sums.weighted_squared_original += importance * (weight * weight);
  }
  return sums;
}

double relative_error(double squared_error, double squared_original) {
  if (squared_original == 0) return squared_error == 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::sqrt(squared_error / squared_original);
}

/// `Matrix`: MatrixView or Tensor.
template <class Matrix>
void check_shapes(const Matrix& original, const Matrix& quantized, std::span<const float> mean_square) {
  if (original.rows != quantized.rows || original.cols != quantized.cols)
    fail("weights of {} x {} cannot be compared with {} x {}", original.rows, original.cols, quantized.rows,
         quantized.cols);
  if (!mean_square.empty() && mean_square.size() != original.cols)
    fail("a weighted error of {} columns needs as many mean squares, got {}", original.cols, mean_square.size());
}

/// Adds row after row to `total`, so that panels of any height give the same sums.
void add_rows(MatrixView original, MatrixView quantized, std::span<const float> mean_square, int threads,
              WeightErrorSums& total) {
  std::vector<WeightErrorSums> rows(original.rows);
  parallel_for(threads, original.rows,
               [&](std::size_t row) { rows[row] = row_sums(original.row(row), quantized.row(row), mean_square); });
  for (const WeightErrorSums& row : rows) total.add(row);
}

}  // namespace

void WeightErrorSums::add(const WeightErrorSums& part) {
  weighted = (weights == 0 || weighted) && part.weighted;
  weights += part.weights;
  squared_error += part.squared_error;
  squared_original += part.squared_original;
  squared_quantized += part.squared_quantized;
  product += part.product;
  max_abs_error = std::max(max_abs_error, part.max_abs_error);
  weighted_squared_error += part.weighted_squared_error;
  weighted_squared_original += part.weighted_squared_original;
}

double WeightErrorSums::rmse() const {
  return weights == 0 ? 0 : std::sqrt(squared_error / static_cast<double>(weights));
}

double WeightErrorSums::rms() const {
  return weights == 0 ? 0 : std::sqrt(squared_original / static_cast<double>(weights));
}

double WeightErrorSums::relative_rmse() const { return relative_error(squared_error, squared_original); }

double WeightErrorSums::cosine() const {
  if (squared_original == 0 || squared_quantized == 0) return squared_original == squared_quantized ? 1 : 0;
  return product / (std::sqrt(squared_original) * std::sqrt(squared_quantized));
}

std::optional<double> WeightErrorSums::weighted_relative_rmse() const {
  if (!weighted) return std::nullopt;
  return relative_error(weighted_squared_error, weighted_squared_original);
}

WeightErrorSums weight_error(MatrixView original, MatrixView quantized, std::span<const float> mean_square,
                             int threads) {
  check_shapes(original, quantized, mean_square);
  WeightErrorSums total;
  add_rows(original, quantized, mean_square, threads, total);
  return total;
}

WeightErrorSums weight_error(const Tensor& original, const Tensor& quantized, std::span<const float> mean_square,
                             int threads) {
  check_shapes(original, quantized, mean_square);
  if (!is_loaded(original) || !is_loaded(quantized))
    return weight_error(loaded(original), loaded(quantized), mean_square, threads);
  constexpr std::size_t panel_weights = std::size_t{1} << 20;
  const std::size_t cols = original.cols;
  const std::size_t panel_rows = std::clamp<std::size_t>(panel_weights / std::max<std::size_t>(cols, 1), 1,
                                                         std::max<std::size_t>(original.rows, 1));
  std::vector<float> before(panel_rows * cols), after(before.size());
  WeightErrorSums total;
  for (std::size_t first = 0; first < original.rows; first += panel_rows) {
    const std::size_t rows = std::min(panel_rows, original.rows - first);
    const auto original_panel = std::span(before).first(rows * cols);
    const auto quantized_panel = std::span(after).first(rows * cols);
    decode_rows(original, first, rows, original_panel, threads);
    decode_rows(quantized, first, rows, quantized_panel, threads);
    add_rows({original_panel, rows, cols}, {quantized_panel, rows, cols}, mean_square, threads, total);
  }
  return total;
}

}  // namespace quantbench
