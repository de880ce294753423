// The encoder of codebook formats (IQ1, IQ2, IQ3): which d, integer scales, codewords and signs to store for a row.
#pragma once

#include "core/isa.h"
#include "quantizers/solvers/search/row_encoder.h"

namespace quantbench {

/// Of a format with a codebook. Minimises sum importance (weight - decoded)^2 over each super-block of 256 weights. The bytes do not depend on
/// `isa`.
void encode_codebook_row(const Format& format, const SearchRow& row, MutableRowBytes out, Isa isa);

}  // namespace quantbench
