// The row encoders of formats with one scale (and offset) per group and of super-blocks, for a given instruction set.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "quantizers/solvers/search/row_encoder.h"

namespace quantbench::search {

/// Formats with a scale (and offset or zero point) per group: Q4_0 to Q8_1, Q8_K, IQ4_NL, ternary, one and two bits, FP4, and
/// integer formats but those with one scale for the whole tensor.
bool writes_groups(const Format& format);
void encode_groups(const Format& format, const SearchRow& row, MutableRowBytes out, Isa isa);
/// What encode_groups stores of each group but the levels.
std::vector<Affine> find_group_affines(const Format& format, const SearchRow& row, Isa isa);

/// Formats whose groups have integer scales in the unit of their block: Q2_K to Q6_K and IQ4_XS.
bool writes_blocks(const Format& format);
void encode_blocks(const Format& format, const SearchRow& row, MutableRowBytes out, Isa isa);
/// What encode_blocks stores of each block but the levels. scales and mins: one per group of the block.
struct BlockScales {
  float d = 0, dmin = 0;
  std::array<std::int8_t, 16> scales = {}, mins = {};
};
std::vector<BlockScales> find_block_scales(const Format& format, const SearchRow& row, Isa isa);

}  // namespace quantbench::search
