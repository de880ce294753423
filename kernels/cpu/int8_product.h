// Products of packed weights with activations rounded to eight bits: y = x w'. Integer arithmetic, as runtimes do it.
//
// Activations are rounded first (int8_activations.h); that rounding is the only difference from packed_product.h that is larger
// than the order of sums. docs/kernels.md has its measured error.
#pragma once

#include "kernels/cpu/packed_product.h"

namespace quantbench {

/// Meant for batches of 1 to 8; larger ones are right, but read the weights again for every four rows. Throws Error for formats
/// without integer levels (int8_kernels.h).
void matvec_int8(const PackedProduct& product, int threads, Isa isa = best_isa());

/// For many rows: weights are unpacked once, to panels in the cache (int8_tile.h), whatever their format. Each output is one sum
/// over the runs of its row in order; it does not depend on threads or batch, only on the instruction set. Against exact sums over
/// the rounded activations x,
///     |error| <= 2^-24 (3 runs + 12) sum (|scale| code + |offset|) |x|
/// where |scale| < 2^100. Throws as matvec_int8 does.
void matmul_int8(const PackedProduct& product, int threads, Isa isa = best_isa());

}  // namespace quantbench
