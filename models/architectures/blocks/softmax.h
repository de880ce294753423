// The numerator of a softmax over a row.
#pragma once

#include <cstddef>
#include <span>

#include "core/isa.h"

namespace quantbench {

/// Replaces row[i] by exp(scale * (row[i] - max)) for i < valid, max over those, and by 0 from there on; returns their
/// sum (16 interleaved partial sums, added pairwise). The caller divides. row.size() is a multiple of 16; 0 < valid <=
/// size; scale > 0. The same bits on every instruction set.
float softmax_numerators(std::span<float> row, std::size_t valid, float scale, Isa isa = best_isa());

}  // namespace quantbench
