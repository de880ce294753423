// RMSNorm (Zhang and Sennrich 2019): y = w * x / sqrt(mean(x^2) + epsilon), row by row.
#pragma once

#include <span>

#include "core/tensor.h"

namespace quantbench {

struct RmsNorm {
  std::span<const float> weight;  // (cols)
  float epsilon = 0;
};

/// input: (rows, cols); output: the same shape, overwritten; may be the input. The mean is f64, in 8 interleaved partial sums.
void rms_norm(MatrixView input, const RmsNorm& norm, int threads, std::span<float> output);

}  // namespace quantbench
