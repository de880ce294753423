// How a row is cut into blocks, and what formats of fixed blocks share.
//
// A format description `F` is a class without state:
//   F::id                                   for fixed formats
//   F::floating_point                       true: only F::load<L>(p), F::stored_bytes and F::encode below exist
//   F::group                                weights that share an affine; 0 when a block is one group (integer formats)
//   F::has_offset, F::level_min, F::level_max
//   F::level_values                         the levels that exist, where they are not all between those two
//   F::ragged                               true: the last block % 32 weights of a block are read with F::tail_level
//   F::values<L>(levels)                    formats with float_levels: the numbers that these levels stand for. There, what `levels`
//                                           and `tail_level` return are codes as they are stored, which only `values` reads
//   F::shape(format, cols)                  RowShape, or what is derived from it
//   F::block_at(shape, row, index)          BlockView
//   F::levels<L>(codes, i)                  levels of weights i..i+L::width-1 of a block; in ragged formats only of its
//                                           whole runs of 32. For 32 lanes, i is a multiple of 32.
//   F::tail_level(codes, i, weights)        the level of weight i of a block of `weights`, i >= weights / 32 * 32
//   F::affine(affine, group)                scale and offset of a group of a block; has_offset false: the offset is 0
//                                           and must not be added, as -0 + 0 would lose the sign. With double quantization
//                                           it takes the BlockView instead of its member
// A weight is scale * level, then + offset, rounded after each operation (in all formats of GGUF files and
// integers with f16 scales the product is exact, so fusing them changes nothing there).
#pragma once

#include "core/format.h"
#include "quantizers/formats/lanes.h"

namespace quantbench::formats {

/// How the blocks of one row lie. A plain value: it is what a CUDA kernel gets instead of the Format.
struct RowShape {
  std::size_t cols = 0;
  std::size_t block = 1;          // weights of a block; the last block may be shorter
  bool affine_in_header = false;  // the block holds levels only
};

struct BlockView {
  const std::byte* affine = nullptr;  // for F::affine
  const std::byte* codes = nullptr;   // for F::levels
  std::size_t begin = 0;              // index in the row of the first weight
  int weights = 0;
  Affine unit = {};  // double quantization: what the stored scale is to be multiplied by and added to
};

template <class F>
[[gnu::always_inline]] constexpr Affine affine_of(const BlockView& block, int group) {
  if constexpr (requires { F::affine(block, group); })
    return F::affine(block, group);
  else
    return F::affine(block.affine, group);
}

/// Blocks of `F::block` weights in `F::block_bytes` bytes, as in GGUF files. F is the derived class; it writes a block by
///   F::pack_block(affines, levels, block)         stored as given
///   F::encode_block(weights, block)               the plain reference rounding, where the format has one
/// or, when the groups of a block have integer scales in its unit, F::pack_block(TwoLevelBlock, block) with F::two_level;
/// or, when it has codewords, F::pack_block(CodebookBlock, block) with F::codebook.
template <class F>
struct FixedBlocks {
  static constexpr bool floating_point = false;
  static constexpr bool ragged = false;

  [[gnu::always_inline]] static constexpr RowShape shape(const Format&, std::size_t cols) {
    return {cols, F::block, false};
  }
  [[gnu::always_inline]] static constexpr BlockView block_at(const RowShape&, RowBytes row, std::size_t index) {
    const std::byte* block = row.row + index * F::block_bytes;
    return {block, block, index * F::block, F::block};
  }

  static std::size_t row_bytes(const Format&, std::size_t cols) { return cols / F::block * F::block_bytes; }

  static void pack(const Format&, std::span<const Affine> affines, std::span<const std::int8_t> levels,
                   MutableRowBytes out) {
    for (std::size_t block = 0; block < levels.size() / F::block; ++block)
      F::pack_block(affines.data() + block * (F::block / F::group), levels.data() + block * F::block,
                    out.row + block * F::block_bytes);
  }

  static void encode(const Format&, std::span<const float> weights, MutableRowBytes out) {
    for (std::size_t block = 0; block < weights.size() / F::block; ++block)
      F::encode_block(weights.data() + block * F::block, out.row + block * F::block_bytes);
  }
};

/// Formats that store each weight as a floating point number: F::load<L>(p) widens, F::store(p, weight) narrows.
template <class F>
struct FloatingPoint {
  static constexpr bool floating_point = true;

  static std::size_t row_bytes(const Format&, std::size_t cols) { return cols * F::stored_bytes; }

  static void encode(const Format&, std::span<const float> weights, MutableRowBytes out) {
    for (std::size_t i = 0; i < weights.size(); ++i) F::store(out.row + i * F::stored_bytes, weights[i]);
  }
};

}  // namespace quantbench::formats
