// The least error that a codebook format can store, found by trying everything: what the search is measured against.
#pragma once

#include <span>

#include "core/format.h"

namespace quantbench {

/// Sum over super-blocks of the least sum importance (weight - decoded)^2 over every d of binary16 within a factor of four
/// of the one that gives the group with the largest scale the largest integer scale, both signs of d where that matters,
/// every integer scale of every group, and every codeword, sign and shift (lower halves of codewords are compared to 16
/// bits of their error, see codebook_scan.h). `weights` is a whole number of super-blocks and `importance` has their size.
/// Takes about a second for 1024 weights; `step` > 1 tries only every step-th d.
double exhaustive_codebook_error(const Format& format, std::span<const float> weights,
                                 std::span<const float> importance, int step = 1);

}  // namespace quantbench
