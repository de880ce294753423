// One tile of a matrix product c = a b', the unit of work that threads share; one implementation per instruction set.
//
// The weights b come from a function that supplies f32 rows, so that dense and packed weights use the same kernels:
// dense rows are used where they lie, packed ones are decoded into a scratch that stays in the cache.
//
// A tile walks k in steps of `tile_k`. Partial sums are kept in c between steps: each output is still one chain of
// fused multiply-adds, because storing and reloading an f32 does not change it.
#pragma once

#include <cstddef>

#include "core/isa.h"
#include "core/matmul/matmul_f32.h"

namespace quantbench {

inline constexpr std::size_t tile_k = 256;
/// Most rows and columns of one tile: packing a panel of b is spread over `tile_rows` rows, copying a over
/// `tile_columns`.
inline constexpr std::size_t tile_rows = 240;
inline constexpr std::size_t tile_columns = 256;
/// Most weight rows that are asked for at once.
inline constexpr std::size_t max_panel_rows = 32;

struct RowsF32 {
  const float* values = nullptr;
  std::size_t stride = 0;
};

/// Part of the weight matrix: rows [first_row, first_row + rows), columns [first_k, first_k + k).
struct WeightRange {
  std::size_t first_row = 0, rows = 0;
  std::size_t first_k = 0, k = 0;
};

struct WeightSource {
  const void* context = nullptr;
  /// The range as f32 rows: either a view of existing memory or `scratch` (max_panel_rows * tile_k floats) filled in.
  RowsF32 (*fetch)(const void* context, const WeightRange& range, float* scratch) = nullptr;
};

struct TileProduct {
  const float* a = nullptr;  // (m, k), row stride a_stride
  std::size_t a_stride = 0;
  WeightSource b;
  float* c = nullptr;  // (m, n), row stride c_stride
  std::size_t c_stride = 0;
  std::size_t m = 0, n = 0, k = 0;
  SumOrder order = SumOrder::ascending;
};

struct Tile {
  std::size_t first_row = 0, rows = 0;
  std::size_t first_column = 0, columns = 0;
};

/// workspace: tile_workspace(tile.rows) floats, aligned to 64 bytes.
using TileKernel = void (*)(const TileProduct& product, const Tile& tile, float* workspace);

/// Rows of a are copied at this stride: a power of two would put all rows of a tile into the same few cache sets.
inline constexpr std::size_t tile_a_stride = tile_k + 16;

constexpr std::size_t tile_workspace(std::size_t rows) { return rows * tile_a_stride + 2 * max_panel_rows * tile_k; }

void compute_tile_scalar(const TileProduct& product, const Tile& tile, float* workspace);
void compute_tile_avx2(const TileProduct& product, const Tile& tile, float* workspace);
void compute_tile_avx512(const TileProduct& product, const Tile& tile, float* workspace);
void compute_tile_neon(const TileProduct& product, const Tile& tile, float* workspace);

/// The whole product, its tiles shared by `threads` threads. Throws Error when this machine cannot run `isa`.
void multiply_tiles(const TileProduct& product, int threads, Isa isa);

}  // namespace quantbench
