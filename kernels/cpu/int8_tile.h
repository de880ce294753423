// The product of one panel of unpacked weights with many rows of activations, in integers: one implementation per instruction set.
//
// A panel is 32 outputs by up to 256 inputs (a unit). Codes lie interleaved by four inputs, as the byte products of all instruction
// sets add them up: a step of four inputs is 32 x 4 codes. Activations are laid out by units too, so that all that a panel meets is
// contiguous.
//
// An integer sum begins with a number of the activations' row and group, and codes may be shifted:
//     sum (code - shift) x + start,    start = bias - (zero - shift) sum x
// so formats whose offset is -scale * zero need no offset at all, and machines whose byte products want small or signed codes get
// them. Each sum ends in f32 as scale * (sum - bias) * (scale of the activations). Kernels whose sums begin with `bias` = the bits
// of 1.5 * 2^23 read them as f32 without a conversion: 1.5 * 2^23 + sum. All sums of a group are less than 2^21.
#pragma once

#include <cstddef>
#include <cstdint>

namespace quantbench {

inline constexpr std::size_t int8_panel_outputs = 32;
inline constexpr std::size_t int8_unit = 256;
/// Rows of activations and of outputs exist, though without meaning, up to a multiple of this.
inline constexpr std::size_t int8_tile_rows = 16;
inline constexpr std::size_t int8_unit_runs = 8, int8_unit_groups = 16;

/// Weights of a unit as Int8Kernels::unpack leaves them.
struct UnpackedRows {
  alignas(64) std::uint8_t codes[int8_panel_outputs][int8_unit];
  alignas(64) float scales[int8_panel_outputs][int8_unit_groups];
  alignas(64) float offsets[int8_panel_outputs][int8_unit_groups];
};

struct Int8Panel {
  alignas(64) std::uint8_t codes[int8_unit / 4][int8_panel_outputs][4];
  alignas(64) float scales[int8_unit_groups][int8_panel_outputs];
  alignas(64) float biases[int8_unit_groups][int8_panel_outputs];  // -1.5 * 2^23 scale, where the kernel wants it
  alignas(64) float offsets[int8_unit_groups][int8_panel_outputs];
};

/// Rows of activations that meet a panel, of the panel's unit, and the outputs that its products are added to.
struct Int8TileRows {
  const std::int8_t* values = nullptr;   // (rows, 256)
  const float* scales = nullptr;         // (rows, 8)
  const std::int32_t* starts = nullptr;  // (rows, 8 * groups of a run)
  const float* sums = nullptr;           // likewise: scale * sum of the group's values; where the format has offsets
  float* outputs = nullptr;              // (rows, 32)
  std::size_t count = 0;
};

/// What of a format a kernel is chosen by.
struct CodeTraits {
  int largest_code = 0;
  int groups_of_run = 1;    // 1 or 2
  bool has_offset = false;  // false: offset = -scale * zero
  int zero = 0;
};

struct Int8TileKernel {
  int shift = 0;
  std::int32_t bias = 0;
  void (*pack)(const UnpackedRows& rows, int shift, Int8Panel& panel) = nullptr;
  /// runs: how many of the unit's the row has. An output depends on its row only, not on the others.
  void (*multiply)(const Int8Panel& panel, std::size_t runs, const Int8TileRows& rows) = nullptr;
};

Int8TileKernel int8_tile_scalar(const CodeTraits& traits);
Int8TileKernel int8_tile_avx2(const CodeTraits& traits);
Int8TileKernel int8_tile_avx512(const CodeTraits& traits);
/// For formats with one group in a run; the same bits as int8_tile_avx512. Rejected for groups of 16: each would take an instruction
/// that could multiply 64 inputs, and the sums' way through memory.
Int8TileKernel int8_tile_amx(const CodeTraits& traits);
Int8TileKernel int8_tile_neon(const CodeTraits& traits);

}  // namespace quantbench
