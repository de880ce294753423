#include "core/matmul/matmul_f32.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>

#include "core/checked.h"
#include "core/matmul/matmul_tile.h"
#include "core/parallel.h"

namespace quantbench {
namespace {

/// Below this many multiply-adds, starting threads costs more than it saves.
constexpr std::size_t smallest_threaded_product = 64 * 1024;

struct FreeAligned {
  void operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};
using Workspace = std::unique_ptr<float[], FreeAligned>;

Workspace make_workspace(std::size_t floats) {
  return Workspace(static_cast<float*>(::operator new[](floats * sizeof(float), std::align_val_t{64})));
}

/// How the outputs are cut: halved, columns first, until there is work for all threads. The result does not depend on
/// it.
struct TileGrid {
  std::size_t rows = 0, columns = 0;
  std::size_t row_tiles = 0, column_tiles = 0;
};

TileGrid make_grid(const TileProduct& product, int threads) {
  TileGrid grid{tile_rows, tile_columns, 0, 0};
  const std::size_t wanted = threads > 1 ? 4 * static_cast<std::size_t>(threads) : 1;
  for (;;) {
    grid.row_tiles = divide_up(product.m, grid.rows);
    grid.column_tiles = divide_up(product.n, grid.columns);
    if (grid.row_tiles * grid.column_tiles >= wanted) return grid;
    if (grid.columns > max_panel_rows)
      grid.columns /= 2;
    else if (grid.rows > tile_rows / 4)
      grid.rows /= 2;
    else
      return grid;
  }
}

Tile tile_at(const TileProduct& product, const TileGrid& grid, std::size_t index) {
  const std::size_t row = index % grid.row_tiles * grid.rows;
  const std::size_t column = index / grid.row_tiles * grid.columns;
  return {row, std::min(grid.rows, product.m - row), column, std::min(grid.columns, product.n - column)};
}

RowsF32 dense_rows(const void* context, const WeightRange& range, float* /*scratch*/) {
  const auto& product = *static_cast<const MatmulF32*>(context);
  return {product.b + range.first_row * product.b_stride + range.first_k, product.b_stride};
}

TileKernel tile_kernel(Isa isa) {
  require_isa(isa);
#if defined(__x86_64__)
  if (isa == Isa::avx2) return compute_tile_avx2;
  if (isa == Isa::avx512) return compute_tile_avx512;
#elif defined(__aarch64__)
  if (isa == Isa::neon) return compute_tile_neon;
#endif
  return compute_tile_scalar;
}

}  // namespace

void multiply_tiles(const TileProduct& product, int threads, Isa isa) {
  const TileKernel compute = tile_kernel(isa);
  if (product.m == 0 || product.n == 0) return;
  if (product.k == 0) {
    for (std::size_t row = 0; row < product.m; ++row) std::fill_n(product.c + row * product.c_stride, product.n, 0.0f);
    return;
  }
  if (product.m * product.n * product.k < smallest_threaded_product) threads = 1;
  const TileGrid grid = make_grid(product, threads);
  const std::size_t tiles = grid.row_tiles * grid.column_tiles;
  const std::size_t workers = std::min(tiles, static_cast<std::size_t>(std::max(threads, 1)));
  std::atomic<std::size_t> next_tile{0};
  parallel_for(threads, workers, [&](std::size_t) {
    const Workspace workspace = make_workspace(tile_workspace(std::min(grid.rows, product.m)));
    for (std::size_t tile; (tile = next_tile++) < tiles;)
      compute(product, tile_at(product, grid, tile), workspace.get());
  });
}

void matmul_f32(const MatmulF32& product, int threads, Isa isa) {
  TileProduct tiles;
  tiles.a = product.a;
  tiles.a_stride = product.a_stride;
  tiles.b = {&product, dense_rows};
  tiles.c = product.c;
  tiles.c_stride = product.c_stride;
  tiles.m = product.m;
  tiles.n = product.n;
  tiles.k = product.k;
  tiles.order = product.order;
  multiply_tiles(tiles, threads, isa);
}

}  // namespace quantbench
