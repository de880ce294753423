#include <immintrin.h>

#include "core/matmul/transpose.h"
#include "core/vector_avx512.h"
#include "kernels/cpu/amx_tiles.h"
#include "kernels/cpu/bf16_tile.h"

namespace quantbench {
namespace {

/// 32 numbers of a row from `column` on, zero behind its end.
[[gnu::always_inline]] inline __m512 rounded_step(const Bf16Rows& rows, std::size_t row, std::size_t column) {
  if (row >= rows.rows) return _mm512_setzero_ps();
  const float* const from = rows.values + row * rows.stride + column;
  const std::size_t left = rows.count - column;
  if (left >= bf16_step)
    return reinterpret_cast<__m512>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + 16), _mm512_loadu_ps(from)));
  const std::uint32_t mask = (1u << left) - 1;
  const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from);
  const __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask >> 16), from + 16);
  return reinterpret_cast<__m512>(_mm512_cvtne2ps_pbh(high, low));
}

/// Tiles 0 to 3 are sums, 4 and 5 activations, 6 and 7 weights: all of full size.
TileConfiguration configuration() {
  TileConfiguration tiles;
  for (int tile = 0; tile < 8; ++tile) {
    tiles.rows[tile] = bf16_tile;
    tiles.bytes_of_row[tile] = 64;
  }
  return tiles;
}

template <int sums, int x, int weights>
[[gnu::always_inline]] inline void add_tile_products() {
  __asm__ volatile("tdpbf16ps %%tmm%c0, %%tmm%c1, %%tmm%c2" ::"i"(weights), "i"(x), "i"(sums));
}

template <int tile>
[[gnu::always_inline]] inline void begin_sums(bool first, const F32Tile& sums) {
  if (first)
    clear_tile<tile>();
  else
    load_tile<tile>(sums, sizeof sums[0]);
}

/// Spreads calls evenly over steps.
class Pacer {
 public:
  Pacer(const Meanwhile& meanwhile, std::size_t steps) : meanwhile_(meanwhile), steps_(steps) {}

  [[gnu::always_inline]] void after_step() {
    for (due_ += meanwhile_.calls; due_ >= steps_; due_ -= steps_) meanwhile_.next(meanwhile_.context);
  }

 private:
  const Meanwhile& meanwhile_;
  std::size_t steps_, due_ = 0;
};

/// Two tiles of outputs with two of rows.
[[gnu::always_inline]] inline void multiply_block(const std::uint16_t (*weights)[bf16_unit], std::size_t steps,
                                                  bool first, const Bf16Tile* x, F32Tile* sums, Pacer& pacer) {
  constexpr std::size_t next_row = bf16_panel_tiles, stride = 64;
  begin_sums<0>(first, sums[0]);
  begin_sums<1>(first, sums[1]);
  begin_sums<2>(first, sums[next_row]);
  begin_sums<3>(first, sums[next_row + 1]);
  for (std::size_t step = 0; step < steps; ++step) {
    load_tile<4>(x[step], stride);
    load_tile<6>(weights[0] + step * bf16_step, sizeof weights[0]);
    add_tile_products<0, 6, 4>();
    load_tile<7>(weights[bf16_tile] + step * bf16_step, sizeof weights[0]);
    add_tile_products<1, 7, 4>();
    load_tile<5>(x[bf16_unit_steps + step], stride);
    add_tile_products<2, 6, 5>();
    add_tile_products<3, 7, 5>();
    pacer.after_step();
  }
  store_tile<0>(sums[0], stride);
  store_tile<1>(sums[1], stride);
  store_tile<2>(sums[next_row], stride);
  store_tile<3>(sums[next_row + 1], stride);
}

}  // namespace

void round_activations_amx(const Bf16Rows& rows, Bf16Tile* tiles) {
  for (std::size_t column = 0; column < rows.count; column += bf16_step, ++tiles) {
    __m512 square[bf16_tile];
#pragma GCC unroll 16
    for (std::size_t row = 0; row < bf16_tile; ++row) square[row] = rounded_step(rows, row, column);
    transpose<VectorAvx512>(square);
#pragma GCC unroll 16
    for (std::size_t pair = 0; pair < bf16_tile; ++pair) _mm512_store_ps((*tiles)[pair], square[pair]);
  }
}

void multiply_bf16_amx(const Bf16Panel& panel, std::size_t steps, bool first, const Bf16TileRows& rows,
                       const Meanwhile& meanwhile) {
  constexpr std::size_t tiles_of_block = 2;
  const TileConfiguration tiles = configuration();
  const ConfiguredTiles configured(tiles);
  Pacer pacer(meanwhile, rows.rows / bf16_block_rows * (bf16_panel_tiles / tiles_of_block) * steps);
  // In this order weights come from the first cache and only activations from the second; rows outside took a tenth more time.
  for (std::size_t output = 0; output < bf16_panel_tiles; output += tiles_of_block)
    for (std::size_t row = 0; row < rows.rows / bf16_tile; row += tiles_of_block)
      multiply_block(panel.outputs + output * bf16_tile, steps, first, rows.values + row * bf16_unit_steps,
                     rows.sums + row * bf16_panel_tiles + output, pacer);
}

void transpose_sums_amx(F32Tile* tiles, std::size_t count) {
  for (; count > 0; --count, ++tiles) {
    __m512 square[bf16_tile];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < bf16_tile; ++i) square[i] = _mm512_load_ps((*tiles)[i]);
    transpose<VectorAvx512>(square);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < bf16_tile; ++i) _mm512_store_ps((*tiles)[i], square[i]);
  }
}

std::size_t bf16_chains_amx(std::size_t rounds, float* sink) {
  constexpr std::size_t flops_of_product = 2 * bf16_tile * bf16_tile * bf16_step, products_of_round = 4;
  const TileConfiguration tiles = configuration();
  const ConfiguredTiles configured(tiles);
  clear_tile<4>();
  clear_tile<6>();
  for (std::size_t round = 0; round < rounds; ++round) {
    add_tile_products<0, 4, 6>();
    add_tile_products<1, 4, 6>();
    add_tile_products<2, 4, 6>();
    add_tile_products<3, 4, 6>();
  }
  *sink = 0;
  return rounds * products_of_round * flops_of_product;
}

}  // namespace quantbench
