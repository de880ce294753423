// Linear layer: output = input * weight', the weights in any format.
#pragma once

#include <span>

#include "core/matmul/matmul_f32.h"
#include "core/tensor.h"
#include "kernels/weight_products.h"

namespace quantbench {

/// exact: weights are decoded to f32 and multiplied in f32. native: as runtimes multiply, activations rounded to eight bits and
/// products in integers (kernels/cpu/int8_product.h), where the format has integer levels; other formats as in exact.
/// bf16: as runtimes on GPUs multiply, weights and activations rounded to bf16 and sums in f32 (kernels/cpu/bf16_product.h).
enum class Compute { exact, native, bf16 };

struct Execution {
  int threads = 1;
  SumOrder sum_order = SumOrder::ascending;
  Compute compute = Compute::exact;
  WeightProducts* products = nullptr;  // computes instead, in its own way; null: the CPU, as `compute` says
};

/// input: (tokens, weight.cols); output: (tokens, weight.rows), overwritten. On the CPU f32 weights are read in place; those of
/// other formats are decoded panel by panel into the cache. Every output is one chain of fused multiply-adds
/// (matmul_f32), so it depends neither on the panels nor on the threads or the number of tokens; else it
/// depends on the instruction set as far as the order of sums goes. Throws Error when the shapes do not fit.
void linear(MatrixView input, const Tensor& weight, const Execution& execution, std::span<float> output);

}  // namespace quantbench
