// LayerNorm (Ba et al. 2016): y = w * (x - mean(x)) / sqrt(variance(x) + epsilon) + b, row by row; the variance is that of the
// row itself (over cols, not cols - 1).
#pragma once

#include <span>

#include "core/tensor.h"

namespace quantbench {

struct LayerNorm {
  std::span<const float> weight;  // (cols)
  std::span<const float> bias;    // (cols), or empty: zero
  float epsilon = 0;
};

/// input: (rows, cols); output: the same shape, overwritten; may be the input. Means are f64, in 8 interleaved partial sums.
void layer_norm(MatrixView input, const LayerNorm& norm, int threads, std::span<float> output);

}  // namespace quantbench
