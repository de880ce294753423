// Double quantization: the scales of a table's groups (float_levels.h) are stored in eight bits themselves.
//
// T. Dettmers et al.: QLoRA, arXiv 2305.14314, section 3. From the scales of a tensor their mean is taken off; the rest is quantized
// in runs of 256 groups, in the order of the tensor, by the largest magnitude of each run:
//   scale(group) = unit(group / 256) * number(group) + mean          rounded after each operation
// The numbers are those of bitsandbytes (dynamic8.h). The paper says FP8: E4M3 is five times as coarse near the largest distance,
// which shows where rows of a tensor differ in size (docs/float_formats.md).
//   header   f32 mean of the tensor's scales, then f32 units, one for each 256 groups
//   row      groups as in grouped_codes.h, with the number's code as their affine
// Four-bit codes in groups of 64 take 4 + 8/64 + 32/(64 * 256) = 4.127 bits per weight.
#pragma once

#include <algorithm>

#include "quantizers/formats/dynamic8.h"
#include "quantizers/formats/float_levels.h"

namespace quantbench::formats {

constexpr std::size_t groups_per_unit = 256;

/// A row is a run of the tensor's groups, so a block has to know how many groups come before its row.
struct DoubleShape : RowShape {
  std::size_t groups = 0;  // of a row
};

[[gnu::always_inline]] constexpr float double_scale(Affine unit, int code) {
  const float distance = unit.scale * dynamic_numbers.of_code[code];
  return distance + unit.offset;
}

/// The code of the nearest scale.
int nearest_code(Affine unit, float scale);

/// Format::round_scales
void round_double_scales(const Format& format, std::span<float> scales, std::byte* header);

template <class Table>
struct DoubleQuantized : TableCodes<DoubleQuantized<Table>, Table> {
  using Base = TableCodes<DoubleQuantized<Table>, Table>;
  using Scale = FloatScale;  // of the format with single scales
  using typename Base::Codes;
  static constexpr bool double_quantized = true;
  static constexpr int affine_bytes = 1;
  static constexpr std::size_t fixed_header_bytes = sizeof(float);

  [[gnu::always_inline]] static constexpr DoubleShape shape(const Format& format, std::size_t cols) {
    const RowShape row = Base::shape(format, cols);
    return {row, (cols + row.block - 1) / row.block};
  }

  [[gnu::always_inline]] static constexpr BlockView block_at(const DoubleShape& shape, RowBytes row,
                                                             std::size_t index) {
    BlockView block = Base::block_at(shape, row, index);
    block.unit = unit_of(row.header, row.index * shape.groups + index);
    return block;
  }

  [[gnu::always_inline]] static constexpr Affine affine(const BlockView& block, int) {
    return {double_scale(block.unit, OneLane::unsigned_bytes(block.affine, 0)), 0};
  }

  /// The header is that of round_scales, and the scales are from there.
  static void pack(const Format& format, std::span<const Affine> affines, std::span<const std::int8_t> levels,
                   MutableRowBytes out) {
    const DoubleShape row = shape(format, levels.size());
    std::byte* next = out.row;
    for (std::size_t block = 0; block < row.groups; ++block) {
      const std::size_t begin = block * row.block, weights = std::min(row.block, levels.size() - begin);
      const Affine unit = unit_of(out.header, out.index * row.groups + block);
      *next++ = static_cast<std::byte>(nearest_code(unit, affines[block].scale));
      next = Codes::store(levels.subspan(begin, weights), next, &Base::code_of);
    }
  }

 private:
  [[gnu::always_inline]] static constexpr Affine unit_of(const std::byte* header, std::size_t group) {
    return {OneLane::f32(header + fixed_header_bytes + group / groups_per_unit * sizeof(float)), OneLane::f32(header)};
  }
};

}  // namespace quantbench::formats
