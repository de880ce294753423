// The tile kernel, written once over a vector type V and compiled once per instruction set.
//
// V supplies: Register, width (floats), panel_vectors and panel_rows (the register tile), zero, load, store, broadcast,
// fma and interleave. Everything is in an anonymous namespace and uses no inline function of the standard library: the
// linker keeps one copy of an inline function, and it must not be the one compiled for a newer machine.
#pragma once

#include <cstring>

#include "core/matmul/matmul_tile.h"
#include "core/matmul/transpose.h"

namespace quantbench {
namespace {

template <class V>
constexpr std::size_t panel_columns = V::width* V::panel_vectors;

inline std::size_t smaller(std::size_t a, std::size_t b) { return a < b ? a : b; }

/// One panel of b: `count` columns of the product in `k` steps, stored k-major at `values`, in the order of summation.
struct Panel {
  float* values;      // (k, panel_columns)
  std::size_t count;  // columns in use; the others are zero
  std::size_t k;
  bool descending;
  std::size_t position(std::size_t index) const { return descending ? k - 1 - index : index; }
};

template <class V>
void pack_square(const RowsF32& rows, std::size_t first_row, std::size_t first_k, const Panel& panel) {
  typename V::Register square[V::width];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < V::width; ++i)
    square[i] =
        first_row + i < panel.count ? V::load(rows.values + (first_row + i) * rows.stride + first_k) : V::zero();
  transpose<V>(square);
#pragma GCC unroll 16
  for (std::size_t i = 0; i < V::width; ++i)
    V::store(panel.values + panel.position(first_k + i) * panel_columns<V> + first_row, square[i]);
}

template <class V>
void pack_panel(const RowsF32& rows, const Panel& panel) {
  const std::size_t whole = panel.k - panel.k % V::width;
  for (std::size_t row = 0; row < panel_columns<V>; row += V::width)
    for (std::size_t k = 0; k < whole; k += V::width) pack_square<V>(rows, row, k, panel);
  for (std::size_t k = whole; k < panel.k; ++k)
    for (std::size_t row = 0; row < panel_columns<V>; ++row)
      panel.values[panel.position(k) * panel_columns<V> + row] =
          row < panel.count ? rows.values[row * rows.stride + k] : 0.0f;
}

/// The register tile: Rows x panel_columns outputs, `k` steps.
struct MicroTile {
  const float* a;      // (Rows, k), row stride tile_a_stride
  const float* panel;  // (k, panel_columns)
  std::size_t k;
  float* c;  // (Rows, panel_columns), row stride c_stride
  std::size_t c_stride;
  bool resume;  // go on from the partial sums in c
};

template <class V, std::size_t Rows>
void multiply_micro_tile(const MicroTile& tile) {
  typename V::Register sums[Rows][V::panel_vectors];
#pragma GCC unroll 16
  for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < V::panel_vectors; ++v)
      sums[row][v] = tile.resume ? V::load(tile.c + row * tile.c_stride + v * V::width) : V::zero();
  const float* a = tile.a;
  const float* panel = tile.panel;
  for (std::size_t k = 0; k < tile.k; ++k, ++a, panel += panel_columns<V>) {
    typename V::Register b[V::panel_vectors];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < V::panel_vectors; ++v) b[v] = V::load(panel + v * V::width);
#pragma GCC unroll 16
    for (std::size_t row = 0; row < Rows; ++row) {
      const typename V::Register factor = V::broadcast(a[row * tile_a_stride]);
#pragma GCC unroll 4
      for (std::size_t v = 0; v < V::panel_vectors; ++v) sums[row][v] = V::fma(factor, b[v], sums[row][v]);
    }
  }
#pragma GCC unroll 16
  for (std::size_t row = 0; row < Rows; ++row)
#pragma GCC unroll 4
    for (std::size_t v = 0; v < V::panel_vectors; ++v)
      V::store(tile.c + row * tile.c_stride + v * V::width, sums[row][v]);
}

/// Picks the micro-kernel for a row count of 1..Rows.
template <class V, std::size_t Rows = V::panel_rows>
void multiply_rows(std::size_t rows, const MicroTile& tile) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return multiply_rows<V, Rows - 1>(rows, tile);
  }
  multiply_micro_tile<V, Rows>(tile);
}

/// A panel that is narrower than the register tile goes through a buffer, so that nothing beyond c is touched.
template <class V>
void multiply_narrow(std::size_t rows, std::size_t columns, const MicroTile& tile) {
  alignas(64) float buffer[V::panel_rows * panel_columns<V>] = {};
  MicroTile buffered = tile;
  buffered.c = buffer;
  buffered.c_stride = panel_columns<V>;
  for (std::size_t row = 0; tile.resume && row < rows; ++row)
    std::memcpy(buffer + row * panel_columns<V>, tile.c + row * tile.c_stride, columns * sizeof(float));
  multiply_rows<V>(rows, buffered);
  for (std::size_t row = 0; row < rows; ++row)
    std::memcpy(tile.c + row * tile.c_stride, buffer + row * panel_columns<V>, columns * sizeof(float));
}

void copy_a(const TileProduct& product, const Tile& tile, std::size_t first_k, std::size_t count, float* copy) {
  for (std::size_t row = 0; row < tile.rows; ++row, copy += tile_a_stride) {
    const float* source = product.a + (tile.first_row + row) * product.a_stride + first_k;
    if (product.order == SumOrder::ascending) {
      std::memcpy(copy, source, count * sizeof(float));
    } else {
      for (std::size_t k = 0; k < count; ++k) copy[k] = source[count - 1 - k];
    }
  }
}

template <class V>
void multiply_panel(const TileProduct& product, const Tile& tile, std::size_t column, const float* a,
                    const Panel& panel, bool resume) {
  for (std::size_t row = 0; row < tile.rows; row += V::panel_rows) {
    const std::size_t rows = smaller(V::panel_rows, tile.rows - row);
    float* c = product.c + (tile.first_row + row) * product.c_stride + column;
    const MicroTile micro{a + row * tile_a_stride, panel.values, panel.k, c, product.c_stride, resume};
    if (panel.count == panel_columns<V>)
      multiply_rows<V>(rows, micro);
    else
      multiply_narrow<V>(rows, panel.count, micro);
  }
}

template <class V>
void compute_tile(const TileProduct& product, const Tile& tile, float* workspace) {
  static_assert(panel_columns<V> <= max_panel_rows);
  float* const panel_values = workspace;
  float* const scratch = panel_values + max_panel_rows * tile_k;
  float* const a = scratch + max_panel_rows * tile_k;
  const bool descending = product.order == SumOrder::descending;
  const std::size_t steps = (product.k + tile_k - 1) / tile_k;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t first_k = (descending ? steps - 1 - step : step) * tile_k;
    const std::size_t k = smaller(tile_k, product.k - first_k);
    copy_a(product, tile, first_k, k, a);
    const std::size_t end = tile.first_column + tile.columns;
    for (std::size_t column = tile.first_column; column < end; column += panel_columns<V>) {
      const std::size_t count = smaller(panel_columns<V>, end - column);
      const RowsF32 rows = product.b.fetch(product.b.context, {column, count, first_k, k}, scratch);
      const Panel panel{panel_values, count, k, descending};
      pack_panel<V>(rows, panel);
      multiply_panel<V>(product, tile, column, a, panel, step > 0);
    }
  }
}

}  // namespace
}  // namespace quantbench
