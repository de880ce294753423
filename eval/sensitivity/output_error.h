// How far a quantized matrix changes the outputs of its layer, relative to the outputs (sensitivity.h has the formulas).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace quantbench {

/// tr(A H A') for A (rows, cols) and the second moments H (cols, cols): products in f32, their sum in f64.
double second_moment_trace(MatrixView a, std::span<const float> second_moments, int threads);

/// original - quantized, both (rows, cols).
std::vector<float> difference(MatrixView original, MatrixView quantized);

/// The squared error of rows that are looked up, relative to their squares: sum_i count_i |W_i - Q_i|^2 / sum_i count_i |W_i|^2.
/// counts: (rows)
double lookup_error(MatrixView original, MatrixView quantized, std::span<const std::uint64_t> counts);

}  // namespace quantbench
