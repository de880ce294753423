// How blocks and warps share the outputs of products with many rows of activations.
//
// A block makes a tile of 128 rows of activations by 128 outputs, each of its warps 64 by 32 of them, as sums of the matrix units: 16 by 8
// in the registers of a warp, of which lane 4 g + t has row g, columns 2 t and 2 t + 1, and row g + 8 (PTX ISA, fragments of C in mma.m16n8k*).
#pragma once

#include "kernels/cuda/thread_lanes.h"

namespace quantbench::gpu {

struct MatmulTile {
  static constexpr unsigned threads = 256, warp = 32;
  static constexpr unsigned tile = 128;                         // rows of activations; outputs
  static constexpr unsigned warp_rows = 64, warp_outputs = 32;  // of the tile of a warp
  static constexpr unsigned row_tiles = warp_rows / 16, output_tiles = warp_outputs / 8;
  static_assert(threads / warp == (tile / warp_rows) * (tile / warp_outputs));

  using Sums = float[row_tiles][output_tiles][4];

  /// Where a tile begins.
  struct Place {
    std::size_t row, output;
  };

  /// What a product writes.
  struct Outputs {
    float* y = nullptr;  // (batch, outputs), row stride y_stride
    std::size_t y_stride = 0;
    std::size_t batch = 0, outputs = 0;
  };

  QUANTBENCH_HOST_DEVICE static constexpr std::size_t tiles_of(std::size_t count) { return (count + tile - 1) / tile; }
  static std::size_t blocks(std::size_t batch, std::size_t outputs) { return tiles_of(batch) * tiles_of(outputs); }

  /// Neighbours in time have the same outputs, whose packed weights they find in the cache.
  QUANTBENCH_DEVICE static Place place_of_block(std::size_t block, std::size_t batch) {
    const std::size_t row_tile_count = tiles_of(batch);
    return {block % row_tile_count * tile, block / row_tile_count * tile};
  }
  /// In the tile of the block.
  QUANTBENCH_DEVICE static Place place_of_warp(unsigned thread) {
    const unsigned number = thread / warp;
    return {number % (tile / warp_rows) * warp_rows, number / (tile / warp_rows) * warp_outputs};
  }

  /// Of the tile of the block that begins at `at`.
  template <class Thread>
  QUANTBENCH_DEVICE static void store(const Thread& thread, const Outputs& out, const Place& at, const Sums& sums) {
    const Place of_warp = place_of_warp(thread.index());
    const unsigned lane = thread.index() % warp;
    QUANTBENCH_UNROLL
    for (unsigned m = 0; m < row_tiles; ++m) QUANTBENCH_UNROLL
    for (unsigned n = 0; n < output_tiles; ++n) QUANTBENCH_UNROLL
    for (unsigned i = 0; i < 4; ++i) {
      const std::size_t row = at.row + of_warp.row + m * 16 + i / 2 * 8 + lane / 4;
      const std::size_t output = at.output + of_warp.output + n * 8 + lane % 4 * 2 + i % 2;
      if (row < out.batch && output < out.outputs) out.y[row * out.y_stride + output] = sums[m][n][i];
    }
  }
};

}  // namespace quantbench::gpu
