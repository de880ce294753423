// With the matrix units of AMX: one instruction multiplies 16 rows of activations by 16 outputs over 32 inputs, in the time of a
// few vector products. What is left is to scale the sums, which go through memory to vector registers: the same operations in the same
// order as int8_tile_impl.h, so the results are those of int8_tile_avx512.cpp, bit for bit.
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/int8_tile_impl.h"
#include "kernels/cpu/int8_tile_lanes_avx512.h"

namespace quantbench {
namespace {

constexpr std::size_t tiles_at_once = 4;

/// Tiles 0..3 are sums, 4 and 6 activations, 5 and 7 codes.
TileConfiguration configuration() {
  TileConfiguration tiles;
  for (int tile = 0; tile < 8; ++tile) {
    const bool sums = tile < 4, activations = tile % 2 == 0;
    tiles.rows[tile] = sums || activations ? 16 : 8;
    tiles.bytes_of_row[tile] = sums || !activations ? 64 : 32;
  }
  return tiles;
}

/// Signed activations times codes, which are unsigned or signed.
template <bool unsigned_codes, int sums, int x, int codes>
[[gnu::always_inline]] inline void add_tile_products() {
  if constexpr (unsigned_codes)
    __asm__ volatile("tdpbsud %%tmm%c0, %%tmm%c1, %%tmm%c2" ::"i"(codes), "i"(x), "i"(sums));
  else
    __asm__ volatile("tdpbssd %%tmm%c0, %%tmm%c1, %%tmm%c2" ::"i"(codes), "i"(x), "i"(sums));
}

alignas(64) constexpr std::int32_t start_row[16] = {float_bias_bits, float_bias_bits, float_bias_bits, float_bias_bits,
                                                    float_bias_bits, float_bias_bits, float_bias_bits, float_bias_bits,
                                                    float_bias_bits, float_bias_bits, float_bias_bits, float_bias_bits,
                                                    float_bias_bits, float_bias_bits, float_bias_bits, float_bias_bits};

/// Integer sums of tiles on their way to vector registers.
struct alignas(64) StoredSums {
  float of_tile[tiles_at_once][int8_tile_rows][16];
};

/// The sums of a group for 16 rows and the 16 outputs from `first` on, by tile i.
template <bool has_offset, int i>
[[gnu::always_inline]] inline void multiply_group(const Int8Panel& panel, std::size_t first, const Int8TileRows& rows,
                                                  std::size_t group, StoredSums& sums) {
  constexpr std::size_t steps = 8;
  constexpr int x = i % 2 == 0 ? 4 : 6, codes = x + 1;
  load_tile<i>(start_row, 0);
  load_tile<x>(rows.values + group * steps * 4, int8_unit);
  load_tile<codes>(panel.codes[group * steps][first], int8_panel_outputs * 4);
  add_tile_products<has_offset, i, x, codes>();
  store_tile<i>(sums.of_tile[i], sizeof sums.of_tile[i][0]);
}

template <bool has_offset>
[[gnu::always_inline]] inline void add_scaled(const Int8Panel& panel, std::size_t first, const Int8TileRows& rows,
                                              std::size_t group, const float (*sums)[16],
                                              __m512 (&totals)[int8_tile_rows]) {
  const __m512 scales = _mm512_load_ps(panel.scales[group] + first);
  const __m512 biases = _mm512_load_ps(panel.biases[group] + first);
  const float* const x_scales = rows.scales + group;
#pragma GCC unroll 16
  for (std::size_t row = 0; row < int8_tile_rows; ++row) {
    const __m512 scaled = _mm512_fmadd_ps(_mm512_load_ps(sums[row]), scales, biases);
    totals[row] = _mm512_fmadd_ps(scaled, _mm512_set1_ps(x_scales[row * int8_unit_runs]), totals[row]);
  }
  if constexpr (has_offset) {
    const __m512 offsets = _mm512_load_ps(panel.offsets[group] + first);
    const float* const x_sums = rows.sums + group;
#pragma GCC unroll 16
    for (std::size_t row = 0; row < int8_tile_rows; ++row)
      totals[row] = _mm512_fmadd_ps(_mm512_set1_ps(x_sums[row * int8_unit_runs]), offsets, totals[row]);
  }
}

template <bool has_offset>
[[gnu::always_inline]] inline void multiply_tile(const Int8Panel& panel, std::size_t first, std::size_t groups,
                                                 const Int8TileRows& rows) {
  StoredSums sums;
  __m512 totals[int8_tile_rows];
#pragma GCC unroll 16
  for (std::size_t row = 0; row < int8_tile_rows; ++row)
    totals[row] = _mm512_loadu_ps(rows.outputs + row * int8_panel_outputs + first);
  std::size_t group = 0;
  for (; group + tiles_at_once <= groups; group += tiles_at_once) {
    multiply_group<has_offset, 0>(panel, first, rows, group, sums);
    multiply_group<has_offset, 1>(panel, first, rows, group + 1, sums);
    multiply_group<has_offset, 2>(panel, first, rows, group + 2, sums);
    multiply_group<has_offset, 3>(panel, first, rows, group + 3, sums);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < tiles_at_once; ++i)
      add_scaled<has_offset>(panel, first, rows, group + i, sums.of_tile[i], totals);
  }
  for (; group < groups; ++group) {
    multiply_group<has_offset, 0>(panel, first, rows, group, sums);
    add_scaled<has_offset>(panel, first, rows, group, sums.of_tile[0], totals);
  }
#pragma GCC unroll 16
  for (std::size_t row = 0; row < int8_tile_rows; ++row)
    _mm512_storeu_ps(rows.outputs + row * int8_panel_outputs + first, totals[row]);
}

template <bool has_offset>
void multiply_panel_amx(const Int8Panel& panel, std::size_t runs, const Int8TileRows& rows) {
  const TileConfiguration tiles = configuration();
  const ConfiguredTiles configured(tiles);
  Int8TileRows some = rows;
  for (std::size_t row = 0; row < rows.count; row += int8_tile_rows) {
    for (std::size_t first = 0; first < int8_panel_outputs; first += 16)
      multiply_tile<has_offset>(panel, first, runs, some);
    some.values += int8_tile_rows * int8_unit;
    some.scales += int8_tile_rows * int8_unit_runs;
    some.sums += int8_tile_rows * int8_unit_runs;
    some.outputs += int8_tile_rows * int8_panel_outputs;
  }
}

}  // namespace

Int8TileKernel int8_tile_amx(const CodeTraits& traits) {
  if (traits.has_offset) return {0, float_bias_bits, pack_panel<Int8TileAvx512>, multiply_panel_amx<true>};
  return {traits.zero, float_bias_bits, pack_panel<Int8TileAvx512>, multiply_panel_amx<false>};
}

}  // namespace quantbench
