// AWQ: activation-aware weight quantization (Lin et al. 2023, arXiv 2306.00978): the exponents and factors of its scale search.
//
//   act         s_j = max(x_j^alpha, 1e-4), with x_j the mean |x| of input column j
//   act_weight  s_j = max(x_j^alpha / (w_j^(1-alpha) + 1e-4), 1e-4), with w_j the mean over the rows of |w| over the largest |w|
//               of its group ("duo scaling", from implementations)
// both divided by sqrt(max s * min s). Of alpha = 0, 0.05, ..., 0.95 the one with the smallest loss is taken, the first of equal
// ones. A column that is always zero gets 1e-4 before the division, as published, which moves all others up.
#pragma once

#include <span>
#include <vector>

#include "core/tensor.h"

namespace quantbench {

/// 0, 0.05, ..., 0.95
std::vector<double> awq_exponents();

std::vector<float> awq_scales(std::span<const float> mean_absolute, double alpha);

/// The mean over the rows of all layers of |w| / (largest |w| of its group + 1e-6), by column. group: weights, 0: the row.
std::vector<float> mean_relative_weight(std::span<const MatrixView> layers, std::size_t group);
std::vector<float> awq_duo_scales(std::span<const float> mean_absolute, std::span<const float> relative_weight,
                                  double alpha);

}  // namespace quantbench
