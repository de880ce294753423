// The product of a panel of weights with rows of activations in bf16, by the matrix units of AMX.
//
// A tile of weights is 16 outputs by 32 inputs, a tile of activations 32 inputs by 16 rows with neighbouring inputs in pairs, and their
// product 16 by 16 sums, which stay in tiles for a whole unit of inputs. Four tiles of sums share two tiles of each side. So weights
// are multiplied as they are decoded, and what has to be transposed are the activations, once, and the sums.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/format_kernels.h"

namespace quantbench {

inline constexpr std::size_t bf16_tile = 16, bf16_step = 32;
inline constexpr std::size_t bf16_unit = 256, bf16_unit_steps = bf16_unit / bf16_step;
inline constexpr std::size_t bf16_panel_tiles = 4, bf16_panel_outputs = bf16_panel_tiles * bf16_tile;
/// Rows of activations come in multiples of this, some of them without meaning.
inline constexpr std::size_t bf16_block_rows = 2 * bf16_tile;

using Bf16Tile = std::uint16_t[bf16_tile][bf16_step];
using F32Tile = float[bf16_tile][bf16_tile];

/// out: `count` weights rounded to bf16.
using DecodeToBf16 = void (*)(const RowRange& row, std::uint16_t* out);
/// Indexed by Format::layout.
const DecodeToBf16* bf16_decoders_avx512();

/// Weights of a unit.
struct Bf16Panel {
  alignas(64) std::uint16_t outputs[bf16_panel_outputs][bf16_unit];
};

/// Up to 16 rows of `count` numbers, 1 to 256; the rest of their tiles is zero.
struct Bf16Rows {
  const float* values = nullptr;
  std::size_t stride = 0, rows = 0, count = 0;
};

/// Tiles of activations: one for each begun step.
void round_activations_amx(const Bf16Rows& rows, Bf16Tile* tiles);

struct Bf16TileRows {
  const Bf16Tile* values = nullptr;  // (rows / 16, 8 steps)
  F32Tile* sums = nullptr;           // (rows / 16, 4 tiles of outputs), each tile (outputs, rows)
  std::size_t rows = 0;              // a multiple of 32
};

/// Calls of next(context) that are spread over a product: the matrix units work beside the vector units.
struct Meanwhile {
  void (*next)(void* context) = nullptr;
  void* context = nullptr;
  std::size_t calls = 0;
};

/// steps: how many of the unit's are there. `first`: sums begin here, else products are added to them.
void multiply_bf16_amx(const Bf16Panel& panel, std::size_t steps, bool first, const Bf16TileRows& rows,
                       const Meanwhile& meanwhile);

/// From (outputs, rows) to (rows, outputs).
void transpose_sums_amx(F32Tile* tiles, std::size_t count);

/// See FmaChains in isa_kernels.h.
std::size_t bf16_chains_amx(std::size_t rounds, float* sink);

}  // namespace quantbench
