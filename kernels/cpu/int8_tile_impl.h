// The kernels of int8_tile.h, written once over lanes L:
//   L::V                                the vector type of core/vector_x.h: f32 of as many outputs
//   L::Sums                             as many integer sums
//   L::vectors, L::rows                 the register tile: vectors of outputs, rows of activations
//   L::load_words(p), L::store_words(p, words), L::subtract(words, shift)     4 bytes an output
//   L::bits_are_floats                  sums begin with the bits of 1.5 * 2^23
//   L::start(sum), L::add_products(sums, codes, x)   from the number at `sum`; adds 4 codes times the 4 activations at x
//   L::floats(sums)                     as f32; their bits where bits_are_floats
// Compiled once per instruction set; the rules of matmul_tile_impl.h about inline functions hold here too.
#pragma once

#include "core/matmul/transpose.h"
#include "kernels/cpu/int8_tile.h"

namespace quantbench {
namespace {

constexpr std::int32_t float_bias_bits = 0x4B400000;  // of 1.5 * 2^23
constexpr float float_bias = 0x1.8p23f;

/// Transposes `count` words of each of the panel's rows (as many as fill whole squares).
template <class L>
[[gnu::always_inline]] inline void transpose_words(const void* rows, std::size_t count, std::size_t stride, int shift,
                                                   void* columns) {
  using V = typename L::V;
  constexpr std::size_t word = 4;
  const char* const from = static_cast<const char*>(rows);
  char* const to = static_cast<char*>(columns);
  for (std::size_t row = 0; row < int8_panel_outputs; row += V::width)
    for (std::size_t k = 0; k < count; k += V::width) {
      typename V::Register square[V::width];
#pragma GCC unroll 16
      for (std::size_t i = 0; i < V::width; ++i)
        square[i] = L::subtract(L::load_words(from + ((row + i) * stride + k) * word), shift);
      transpose<V>(square);
#pragma GCC unroll 16
      for (std::size_t i = 0; i < V::width; ++i)
        L::store_words(to + ((k + i) * int8_panel_outputs + row) * word, square[i]);
    }
}

/// Rounds scales to 22 bits, so that the product with 1.5 * 2^23 is exact: what is subtracted is then exactly what was added.
template <class V>
void split_scales(Int8Panel& panel) {
  const auto five = V::broadcast(5), minus = V::broadcast(-1), bias = V::broadcast(-float_bias);
  for (std::size_t group = 0; group < int8_unit_groups; ++group)
    for (std::size_t i = 0; i < int8_panel_outputs; i += V::width) {
      const auto scale = V::load(panel.scales[group] + i);
      const auto wide = V::multiply(scale, five);
      const auto rounded = V::fma(V::fma(scale, minus, wide), minus, wide);
      V::store(panel.scales[group] + i, rounded);
      V::store(panel.biases[group] + i, V::multiply(rounded, bias));
    }
}

template <class L>
void pack_panel(const UnpackedRows& rows, int shift, Int8Panel& panel) {
  transpose_words<L>(rows.codes, int8_unit / 4, int8_unit / 4, shift, panel.codes);
  transpose_words<L>(rows.scales, int8_unit_groups, int8_unit_groups, 0, panel.scales);
  transpose_words<L>(rows.offsets, int8_unit_groups, int8_unit_groups, 0, panel.offsets);
  if constexpr (L::bits_are_floats) split_scales<typename L::V>(panel);
}

/// The register tile: Rows x L::vectors outputs from `first` on, all groups.
template <class L, int per, bool has_offset, std::size_t Rows>
[[gnu::noinline]] void multiply_micro_tile(const Int8Panel& panel, std::size_t first, std::size_t groups,
                                           const Int8TileRows& rows) {
  using V = typename L::V;
  constexpr std::size_t steps = 8 / per, x_groups = int8_unit_runs * per;
  typename V::Register totals[Rows][L::vectors];
#pragma GCC unroll 16
  for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < L::vectors; ++v)
      totals[row][v] = V::load(rows.outputs + row * int8_panel_outputs + first + v * V::width);
  for (std::size_t group = 0; group < groups; ++group) {
    typename L::Sums sums[Rows][L::vectors];
#pragma GCC unroll 16
    for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 4
      for (std::size_t v = 0; v < L::vectors; ++v) sums[row][v] = L::start(rows.starts + row * x_groups + group);
#pragma GCC unroll 8
    for (std::size_t step = 0; step < steps; ++step) {
      typename V::Register codes[L::vectors];
#pragma GCC unroll 4
      for (std::size_t v = 0; v < L::vectors; ++v)
        codes[v] = L::load_words(panel.codes[group * steps + step][first + v * V::width]);
#pragma GCC unroll 16
      for (std::size_t row = 0; row < Rows; ++row) {
        const auto x = L::broadcast(rows.values + row * int8_unit + (group * steps + step) * 4);
#pragma GCC unroll 4
        for (std::size_t v = 0; v < L::vectors; ++v) L::add_products(sums[row][v], codes[v], x);
      }
    }
#pragma GCC unroll 4
    for (std::size_t v = 0; v < L::vectors; ++v) {
      const auto scale = V::load(panel.scales[group] + first + v * V::width);
      const auto bias = V::load(panel.biases[group] + first + v * V::width);
#pragma GCC unroll 16
      for (std::size_t row = 0; row < Rows; ++row) {
        const auto numbers = L::floats(sums[row][v]);
        const auto scaled = L::bits_are_floats ? V::fma(numbers, scale, bias) : V::multiply(numbers, scale);
        const auto x_scale = V::broadcast(rows.scales[row * int8_unit_runs + group / per]);
        totals[row][v] = V::fma(scaled, x_scale, totals[row][v]);
      }
      if constexpr (has_offset) {
        const auto offset = V::load(panel.offsets[group] + first + v * V::width);
#pragma GCC unroll 16
        for (std::size_t row = 0; row < Rows; ++row)
          totals[row][v] = V::fma(V::broadcast(rows.sums[row * x_groups + group]), offset, totals[row][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < L::vectors; ++v)
      V::store(rows.outputs + row * int8_panel_outputs + first + v * V::width, totals[row][v]);
}

/// Picks the micro-kernel for a row count of 1..Rows.
template <class L, int per, bool has_offset, std::size_t Rows = L::rows>
void multiply_rows(const Int8Panel& panel, std::size_t first, std::size_t groups, const Int8TileRows& rows) {
  if constexpr (Rows > 1) {
    if (rows.count < Rows) return multiply_rows<L, per, has_offset, Rows - 1>(panel, first, groups, rows);
  }
  multiply_micro_tile<L, per, has_offset, Rows>(panel, first, groups, rows);
}

template <class L, int per, bool has_offset>
void multiply_panel(const Int8Panel& panel, std::size_t runs, const Int8TileRows& rows) {
  for (std::size_t row = 0; row < rows.count; row += L::rows) {
    Int8TileRows some = rows;
    some.values += row * int8_unit;
    some.scales += row * int8_unit_runs;
    some.starts += row * int8_unit_runs * per;
    some.sums += row * int8_unit_runs * per;
    some.outputs += row * int8_panel_outputs;
    some.count -= row;
    for (std::size_t first = 0; first < int8_panel_outputs; first += L::V::width * L::vectors)
      multiply_rows<L, per, has_offset>(panel, first, runs * per, some);
  }
}

/// With `shift` and the bias that L wants.
template <class L>
Int8TileKernel tile_kernel(const CodeTraits& traits, int shift) {
  constexpr std::int32_t bias = L::bits_are_floats ? float_bias_bits : 0;
  const bool pairs = traits.groups_of_run == 2;
  if (traits.has_offset)
    return {shift, bias, pack_panel<L>, pairs ? multiply_panel<L, 2, true> : multiply_panel<L, 1, true>};
  return {shift, bias, pack_panel<L>, pairs ? multiply_panel<L, 2, false> : multiply_panel<L, 1, false>};
}

}  // namespace
}  // namespace quantbench
