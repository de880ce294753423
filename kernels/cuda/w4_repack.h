// Repacks weights of 4-bit integers for products with activations of 16 bits on CUDA devices (w4_layout.h), once.
#pragma once

#include <cstddef>
#include <span>

#include "core/tensor.h"
#include "kernels/cuda/w4_layout.h"

namespace quantbench {

/// int4 with scales in f16 and groups of whole runs of 32 weights, or one for a row or tensor: what GPTQ and AWQ checkpoints hold. Not other
/// groups, which would change within a step of the matrix units; not scales in f32, which such checkpoints do not have.
bool has_w4_kernels(const Format& format);

/// Throws Error for formats without such kernels, and rows of 2^31 weights.
gpu::W4Layout w4_layout(const Format& format, std::size_t rows, std::size_t cols);

/// to: (w4_layout.bytes()), overwritten. No weight is changed: the level and affine of each are those of the format.
void repack_w4(const Tensor& weights, std::span<std::byte> to, int threads);

}  // namespace quantbench
