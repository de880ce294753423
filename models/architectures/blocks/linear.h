// Linear layer: output = input * weight', the weights in any format.
#pragma once

#include <span>

#include "core/matmul/matmul_f32.h"
#include "core/tensor.h"

namespace quantbench {

struct Execution {
  int threads = 1;
  SumOrder sum_order = SumOrder::ascending;
};

/// input: (tokens, weight.cols); output: (tokens, weight.rows), overwritten. f32 weights are read in place; those of
/// other formats are decoded panel by panel into the cache. Every output is one chain of fused multiply-adds
/// (matmul_f32), so it depends neither on the panels nor on the threads or the number of tokens. Throws Error when the
/// shapes do not fit.
void linear(MatrixView input, const Tensor& weight, const Execution& execution, std::span<float> output);

}  // namespace quantbench
