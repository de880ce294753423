// Rows of groups of any size, each with its scale and codes of a few bits: the layout that integer formats share with those
// whose levels stand for other numbers.
//
// A group of n weights is
//   affine     its scale and what goes with it, written by the format
//   n / 32     runs of 32 weights, 4 * bits bytes each, as planes: 16 bytes of nibbles when 4 is in the sum
//              bits = 4 + 2 + 1, then 8 bytes of crumbs when 2 is, then 4 bytes of single bits when 1 is (lanes.h has the orders inside a
//              plane); the first plane holds the low bits. 8 bits are 32 plain bytes.
//   n % 32     weights: a stream of `bits` bits each, lowest bit first, padded with zeros to a byte.
//
// Granularity: `gN` a scale per N weights of a row; `row` one per row; `tensor` one for all, kept in the tensor's
// header, the rows hold codes only. When N does not divide the row, the last group of each row is shorter, has its own
// scale, and is counted like all others: bits per weight are bytes of the tensor over its weights.
#pragma once

#include "quantizers/formats/block.h"

namespace quantbench::formats {

/// Throws Error for a row too long to be counted in int.
void check_row_length(std::size_t cols);

/// Codes of 0 .. 2^bits-1 behind each other.
template <int bits>
struct CodeRuns {
  static_assert(bits >= 2 && bits <= 8);

  [[gnu::always_inline]] static constexpr std::size_t bytes(std::size_t weights) {
    return weights / 32 * (4 * bits) + (weights % 32 * bits + 7) / 8;
  }

  /// Of whole runs: the codes of weights i..i+L::width-1.
  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels codes(const std::byte* codes, int i) {
    return of_run<L>(codes + i / 32 * (4 * bits), i % 32);
  }

  /// The code of weight i of `weights`, i >= weights / 32 * 32.
  [[gnu::always_inline]] static constexpr int tail_code(const std::byte* codes, int i, int weights) {
    const std::byte* tail = codes + weights / 32 * (4 * bits);
    const int first_bit = (i - weights / 32 * 32) * bits;
    const int shift = first_bit % 8;
    unsigned code = static_cast<unsigned>(tail[first_bit / 8]) >> shift;
    if (shift + bits > 8) code |= static_cast<unsigned>(tail[first_bit / 8 + 1]) << (8 - shift);
    return static_cast<int>(code & ((1u << bits) - 1));
  }

  /// Returns the end of what it wrote. `code_of` gives the code of a level, in its low bits.
  template <class CodeOf>
  static std::byte* store(std::span<const std::int8_t> levels, std::byte* p, const CodeOf& code_of) {
    const std::size_t runs = levels.size() / 32;
    for (std::size_t run = 0; run < runs; ++run) p = store_run(levels.data() + run * 32, p, code_of);
    return store_tail(levels.subspan(runs * 32), p, code_of);
  }

 private:
  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels of_run(const std::byte* run, int i) {
    constexpr int crumbs_at = bits & 4 ? 16 : 0;
    constexpr int bits_at = crumbs_at + (bits & 2 ? 8 : 0);
    if constexpr (bits == 8)
      return L::unsigned_bytes(run, i);
    else if constexpr (bits == 2)
      return L::crumbs(run, i);
    else if constexpr (bits == 4)
      return L::nibbles(run, i);
    else if constexpr (bits == 3)
      return with_high<L>(L::crumbs(run, i), L::bits(run + bits_at, i), 2);
    else if constexpr (bits == 5)
      return with_high<L>(L::nibbles(run, i), L::bits(run + bits_at, i), 4);
    else if constexpr (bits == 6)
      return with_high<L>(L::nibbles(run, i), L::crumbs(run + crumbs_at, i), 4);
    else
      return with_high<L>(with_high<L>(L::nibbles(run, i), L::crumbs(run + crumbs_at, i), 4), L::bits(run + bits_at, i),
                          6);
  }

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels with_high(typename L::Levels low, typename L::Levels high,
                                                                       int shift) {
    return L::bit_or(low, L::shift_left(high, shift));
  }

  template <class CodeOf>
  static std::byte* store_run(const std::int8_t* levels, std::byte* p, const CodeOf& code_of) {
    if constexpr (bits == 8) {
      for (int i = 0; i < 32; ++i) p[i] = static_cast<std::byte>(code_of(levels[i]) & 0xFF);
      return p + 32;
    }
    int low_bit = 0;
    for (const int plane_bits : {4, 2, 1}) {
      if ((bits & plane_bits) == 0) continue;
      p = store_plane(levels, {plane_bits, low_bit}, p, code_of);
      low_bit += plane_bits;
    }
    return p;
  }

  struct Plane {
    int width, low_bit;
  };

  /// Nibbles and crumbs: the weights that share a byte lie one plane apart; single bits: next to each other.
  template <class CodeOf>
  static std::byte* store_plane(const std::int8_t* levels, Plane plane, std::byte* p, const CodeOf& code_of) {
    const int plane_bytes = 4 * plane.width;
    for (int byte = 0; byte < plane_bytes; ++byte) {
      unsigned value = 0;
      for (int part = 0; part < 8 / plane.width; ++part) {
        const int weight = plane.width == 1 ? 8 * byte + part : byte + plane_bytes * part;
        value |= ((code_of(levels[weight]) >> plane.low_bit) & ((1u << plane.width) - 1)) << (part * plane.width);
      }
      p[byte] = static_cast<std::byte>(value);
    }
    return p + plane_bytes;
  }

  template <class CodeOf>
  static std::byte* store_tail(std::span<const std::int8_t> levels, std::byte* p, const CodeOf& code_of) {
    unsigned pending = 0;
    int pending_bits = 0;
    for (const std::int8_t level : levels) {
      pending |= (code_of(level) & ((1u << bits) - 1)) << pending_bits;
      for (pending_bits += bits; pending_bits >= 8; pending_bits -= 8, pending >>= 8)
        *p++ = static_cast<std::byte>(pending & 0xFF);
    }
    if (pending_bits > 0) *p++ = static_cast<std::byte>(pending);
    return p;
  }
};

/// F is the derived class. It has F::affine_bytes, F::store_affine(affine, p) and F::code_of(level).
template <class F, int bits_>
struct GroupedCodes {
  using Codes = CodeRuns<bits_>;
  static constexpr int bits = bits_;
  static constexpr bool floating_point = false;
  static constexpr bool ragged = true;
  static constexpr int group = 0;

  [[gnu::always_inline]] static constexpr RowShape shape(const Format& format, std::size_t cols) {
    const std::size_t whole_row = cols == 0 ? 1 : cols;
    return {cols, format.group == 0 || format.group > whole_row ? whole_row : format.group, format.scale_per_tensor};
  }

  [[gnu::always_inline]] static constexpr BlockView block_at(const RowShape& shape, RowBytes row, std::size_t index) {
    const std::size_t inline_affine = shape.affine_in_header ? 0 : F::affine_bytes;
    const std::byte* block = row.row + index * (inline_affine + Codes::bytes(shape.block));
    const std::size_t begin = index * shape.block;
    const std::size_t weights = shape.cols - begin < shape.block ? shape.cols - begin : shape.block;
    return {shape.affine_in_header ? row.header : block, block + inline_affine, begin, static_cast<int>(weights)};
  }

  static std::size_t row_bytes(const Format& format, std::size_t cols) {
    check_row_length(cols);
    const RowShape row = GroupedCodes::shape(format, cols);
    const std::size_t affine_of_block = row.affine_in_header ? 0 : F::affine_bytes;
    const std::size_t rest = cols % row.block;
    return cols / row.block * (affine_of_block + Codes::bytes(row.block)) +
           (rest == 0 ? 0 : affine_of_block + Codes::bytes(rest));
  }

  /// Does not touch the header when `out.header` is null, so that rows of a per-tensor format can be written in
  /// parallel.
  static void pack(const Format& format, std::span<const Affine> affines, std::span<const std::int8_t> levels,
                   MutableRowBytes out) {
    const RowShape row = GroupedCodes::shape(format, levels.size());
    if (row.affine_in_header && out.header != nullptr) F::store_affine(affines[0], out.header);
    std::byte* next = out.row;
    for (std::size_t begin = 0, block = 0; begin < levels.size(); begin += row.block, ++block) {
      if (!row.affine_in_header) next = F::store_affine(affines[block], next);
      const std::size_t weights = levels.size() - begin < row.block ? levels.size() - begin : row.block;
      next = Codes::store(levels.subspan(begin, weights), next, &F::code_of);
    }
  }
};

}  // namespace quantbench::formats
