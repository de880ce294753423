// Reconstruction error of quantized weights W' against the original W.
//
//   rmse                   = sqrt(sum (W - W')^2 / n)
//   relative_rmse          = sqrt(sum (W - W')^2 / sum W^2)
//   max_abs_error          = max |W - W'|
//   cosine                 = sum W W' / sqrt(sum W^2 sum W'^2)
//   weighted_relative_rmse = sqrt(sum_ij m_j (W_ij - W'_ij)^2 / sum_ij m_j W_ij^2)   m_j: mean x^2 of input column j
//
// The sums are f64 over the columns of a row, then over rows in order: the result does not depend on the thread count.
// Of an all-zero original the relative errors are 0 when nothing was lost and infinite otherwise; the cosine is 1 when
// both are zero and 0 when one is.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "core/tensor.h"

namespace quantbench {

/// The sums behind the figures. Adding the sums of several tensors gives the figures of all their weights together.
struct WeightErrorSums {
  std::size_t weights = 0;
  double squared_error = 0;      // sum (W - W')^2
  double squared_original = 0;   // sum W^2
  double squared_quantized = 0;  // sum W'^2
  double product = 0;            // sum W W'
  double max_abs_error = 0;
  bool weighted = false;                 // the next two are meaningful: every part was weighted
  double weighted_squared_error = 0;     // sum m_j (W - W')^2
  double weighted_squared_original = 0;  // sum m_j W^2

  /// Into an empty object this is assignment; otherwise the total is weighted only when both parts are.
  void add(const WeightErrorSums& part);

  double rmse() const;
  double rms() const;  // of the original: sqrt(sum W^2 / n)
  double relative_rmse() const;
  double cosine() const;
  std::optional<double> weighted_relative_rmse() const;
};

/// original, quantized: (rows, cols). mean_square: (cols), or empty for no weighting. Throws Error when shapes differ.
WeightErrorSums weight_error(MatrixView original, MatrixView quantized, std::span<const float> mean_square,
                             int threads);

/// The same for stored tensors, decoded in bounded panels of rows.
WeightErrorSums weight_error(const Tensor& original, const Tensor& quantized, std::span<const float> mean_square,
                             int threads);

}  // namespace quantbench
