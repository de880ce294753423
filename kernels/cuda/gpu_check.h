// Whether a kernel of a CUDA device gave what the CPU's scalar decoder and sums in f64 give.
#pragma once

#include <span>

#include "kernels/kernel.h"

namespace quantbench {

/// Which outputs are looked at: of larger results this many rows of weights and of activations, evenly spaced, the first and the last
/// among them.
struct GpuCheck {
  std::size_t weight_rows = 64, activation_rows = 64;
};

/// decode: `out` (rows, cols) has the bits of Format::decode, NaN with any payload.
/// Products: `out` (batch, rows), each within these units of the exact sum over its inputs:
///   matvec        2^-24 (cols + 8) sum of (abs(scale level) + abs(offset)) abs(x)
///   matmul_bf16   2^-22 (cols + 2) sum of abs(w x), of weights and activations rounded to bf16. Matrix units may cut what they add to
///                 f32 off where f32 arithmetic rounds.
///   matmul_w4a16  the same bound, over weights as they are and activations rounded to bf16
///   matmul_int8   2^-24 (4 cols / 32 + 8) sum of (abs(scale level) + abs(offset)) abs(x), over the activations that the CPU rounds
///                 (kernels/cpu/int8_activations.h); cols / 32 upwards.
/// Throws Error, which names the first output that is not so.
void check_against_cpu(Op op, const Tensor& weights, const MatrixView& activations, std::span<const float> out,
                       const GpuCheck& check = {});

}  // namespace quantbench
