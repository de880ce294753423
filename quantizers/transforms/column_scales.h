// Factors of input columns, and what becomes of weights and of the statistics of inputs under them.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"
#include "quantizers/solver.h"

namespace quantbench {

/// scales / sqrt(largest * smallest): the same ratios, about as much above one as below.
std::vector<float> balanced(std::vector<float> scales);

/// Multiplies, or divides, column j of each row by scales[j]. values: (any number of rows, scales.size())
void multiply_columns(std::span<float> values, std::span<const float> scales);
void divide_columns(std::span<float> values, std::span<const float> scales);

/// Statistics of inputs x from those of x before they were divided by scales: H_ij / (s_i s_j) and so on. Owns them.
class ScaledCalibration {
 public:
  ScaledCalibration(const LayerCalibration& original, std::span<const float> scales);
  LayerCalibration view() const;

 private:
  std::vector<float> mean_square_, mean_absolute_, max_absolute_, second_moments_, cross_moments_;
};

}  // namespace quantbench
