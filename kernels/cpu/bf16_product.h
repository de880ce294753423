// Products of packed weights with both sides rounded to bf16 and sums in f32: y = x w'. Runtimes on GPUs multiply so.
#pragma once

#include "kernels/cpu/isa_kernels.h"
#include "kernels/cpu/packed_product.h"

namespace quantbench {

/// Any format: panels of weights are decoded and rounded in the cache. On machines with the matrix units of AMX these multiply
/// (variant "tuned", several times as fast as f32); elsewhere the rounded numbers go through the tiles of `matmul`. The result does
/// not depend on threads or batch. Against exact sums over the rounded weights and activations,
///     |error| <= 2^-24 (cols + 2) sum |w x|
/// Rounding a number to bf16, to nearest even, moves it by at most 2^-9 of its size. AMX takes numbers below 2^-126 for zero.
void matmul_bf16(const PackedProduct& product, int threads, Isa isa = best_isa());

/// What a core can do at most: independent chains of the multiply-adds that matmul_bf16 is made of.
FmaChains bf16_chains(Isa isa);

/// "tuned" or "generic", as above.
const char* matmul_bf16_variant(Isa isa);

}  // namespace quantbench
