// Integer formats of 2 to 8 bits: weight = scale * (level - zero), with a group of any size per scale.
//
// A group of n weights is
//   scale      f16 or f32, little-endian
//   zero       int8, asymmetric formats only. A whole byte whatever the bits: it is one load, and packing it tighter
//              would save 0.04 bits per weight in groups of 128 at 3 bits.
//   n / 32     runs of 32 weights, 4 * bits bytes each, as planes: 16 bytes of nibbles when 4 is in the sum
//              bits = 4 + 2 + 1, then 8 bytes of crumbs when 2 is, then 4 bytes of single bits when 1 is (lanes.h has the orders inside a
//              plane); the first plane holds the low bits. 8 bits are 32 plain bytes.
//   n % 32     weights: a stream of `bits` bits each, lowest bit first, padded with zeros to a byte.
// Stored are the codes level + 2^(bits-1), or for 8 bits the level itself as int8. Levels and zero points are in
// -2^(bits-1) .. 2^(bits-1)-1; this is q - 2^(bits-1) of the customary q and zero point in 0 .. 2^bits-1.
//
// Granularity: `gN` a scale per N weights of a row; `row` one per row; `tensor` one for all, kept in the tensor's
// header, the rows hold levels only. When N does not divide the row, the last group of each row is shorter, has its own
// scale, and is counted like all others: bits per weight are bytes of the tensor over its weights.
#pragma once

#include <cmath>

#include "core/checked.h"
#include "quantizers/formats/block.h"
#include "quantizers/formats/scale.h"

namespace quantbench::formats {

template <int bits_, bool symmetric_, class Scale_>
struct Integer {
  static_assert(bits_ >= 2 && bits_ <= 8);
  using Scale = Scale_;
  static constexpr int bits = bits_;
  static constexpr bool symmetric = symmetric_;
  static constexpr bool floating_point = false;
  static constexpr bool ragged = true;
  static constexpr int group = 0;
  static constexpr bool has_offset = !symmetric;
  static constexpr int half = 1 << (bits - 1);
  static constexpr int level_min = -half, level_max = half - 1;
  static constexpr int affine_bytes = Scale::bytes + (symmetric ? 0 : 1);

  [[gnu::always_inline]] static constexpr RowShape shape(const Format& format, std::size_t cols) {
    const std::size_t whole_row = cols == 0 ? 1 : cols;
    return {cols, format.group == 0 || format.group > whole_row ? whole_row : format.group, format.scale_per_tensor};
  }

  [[gnu::always_inline]] static constexpr std::size_t code_bytes(std::size_t weights) {
    return weights / 32 * (4 * bits) + (weights % 32 * bits + 7) / 8;
  }

  [[gnu::always_inline]] static constexpr BlockView block_at(const RowShape& shape, RowBytes row, std::size_t index) {
    const std::size_t inline_affine = shape.affine_in_header ? 0 : affine_bytes;
    const std::byte* block = row.row + index * (inline_affine + code_bytes(shape.block));
    const std::size_t begin = index * shape.block;
    const std::size_t weights = shape.cols - begin < shape.block ? shape.cols - begin : shape.block;
    return {shape.affine_in_header ? row.header : block, block + inline_affine, begin, static_cast<int>(weights)};
  }

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* codes, int i) {
    const std::byte* run = codes + i / 32 * (4 * bits);
    if constexpr (bits == 8)
      return L::signed_bytes(run, i % 32);
    else
      return L::subtract(run_codes<L>(run, i % 32), half);
  }

  [[gnu::always_inline]] static constexpr int tail_level(const std::byte* codes, int i, int weights) {
    const std::byte* tail = codes + weights / 32 * (4 * bits);
    const int first_bit = (i - weights / 32 * 32) * bits;
    const int shift = first_bit % 8;
    unsigned code = static_cast<unsigned>(tail[first_bit / 8]) >> shift;
    if (shift + bits > 8) code |= static_cast<unsigned>(tail[first_bit / 8 + 1]) << (8 - shift);
    code &= (1u << bits) - 1;
    return bits == 8 ? static_cast<std::int8_t>(code) : static_cast<int>(code) - half;
  }

  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* p, int) {
    const float scale = Scale::load(p);
    if constexpr (symmetric)
      return {scale, 0};
    else
      return {scale, -(scale * static_cast<float>(OneLane::signed_bytes(p + Scale::bytes, 0)))};
  }

  static std::size_t row_bytes(const Format& format, std::size_t cols) {
    checked_cast<int>(cols, "row length");
    const RowShape row = shape(format, cols);
    const std::size_t affine_of_block = row.affine_in_header ? 0 : affine_bytes;
    const std::size_t rest = cols % row.block;
    return cols / row.block * (affine_of_block + code_bytes(row.block)) +
           (rest == 0 ? 0 : affine_of_block + code_bytes(rest));
  }

  /// The scale is kept small enough that scale * (level - zero) is finite for all levels and zero points.
  static Affine round_affine(Affine wanted) {
    constexpr float largest = Scale::largest < FLT_MAX / (2 * half) ? Scale::largest : FLT_MAX / (2 * half);
    const float rounded = nearest_scale<Scale>(wanted.scale);
    const float scale = std::fabs(rounded) > largest ? std::copysign(largest, rounded) : rounded;
    if (symmetric || scale == 0) return {scale, 0};
    return {scale, -(scale * static_cast<float>(zero_point({scale, wanted.offset})))};
  }

  /// The integer zero point whose affine is nearest to this one.
  static int zero_point(Affine affine) {
    if (affine.scale == 0) return 0;
    const float nearest = std::nearbyint(-affine.offset / affine.scale);
    return static_cast<int>(
        std::fmin(std::fmax(nearest, static_cast<float>(level_min)), static_cast<float>(level_max)));
  }

  /// Does not touch the header when `out.header` is null, so that rows of a per-tensor format can be written in
  /// parallel.
  static void pack(const Format& format, std::span<const Affine> affines, std::span<const std::int8_t> levels,
                   MutableRowBytes out) {
    const RowShape row = shape(format, levels.size());
    if (row.affine_in_header && out.header != nullptr) store_affine(affines[0], out.header);
    std::byte* next = out.row;
    for (std::size_t begin = 0, block = 0; begin < levels.size(); begin += row.block, ++block) {
      if (!row.affine_in_header) next = store_affine(affines[block], next);
      const std::size_t weights = levels.size() - begin < row.block ? levels.size() - begin : row.block;
      next = store_levels(levels.subspan(begin, weights), next);
    }
  }

 private:
  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels run_codes(const std::byte* run, int i) {
    constexpr int crumbs_at = bits & 4 ? 16 : 0;
    constexpr int bits_at = crumbs_at + (bits & 2 ? 8 : 0);
    if constexpr (bits == 2)
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

  static unsigned code_of(std::int8_t level) {
    return static_cast<unsigned>(bits == 8 ? level : level + half) & ((1u << bits) - 1);
  }

  static std::byte* store_affine(Affine affine, std::byte* p) {
    Scale::store(p, affine.scale);
    if constexpr (!symmetric) p[Scale::bytes] = static_cast<std::byte>(zero_point(affine));
    return p + affine_bytes;
  }

  static std::byte* store_levels(std::span<const std::int8_t> levels, std::byte* p) {
    const std::size_t runs = levels.size() / 32;
    for (std::size_t run = 0; run < runs; ++run) p = store_run(levels.data() + run * 32, p);
    return store_tail(levels.subspan(runs * 32), p);
  }

  static std::byte* store_run(const std::int8_t* levels, std::byte* p) {
    if constexpr (bits == 8) {
      for (int i = 0; i < 32; ++i) p[i] = static_cast<std::byte>(levels[i]);
      return p + 32;
    }
    int low_bit = 0;
    for (const int plane_bits : {4, 2, 1}) {
      if ((bits & plane_bits) == 0) continue;
      p = store_plane(levels, plane_bits, low_bit, p);
      low_bit += plane_bits;
    }
    return p;
  }

  /// `plane_bits` bits of 32 codes, from `low_bit` on. Nibbles and crumbs: the weights that share a byte lie one plane
  /// apart; single bits: next to each other.
  static std::byte* store_plane(const std::int8_t* levels, int plane_bits, int low_bit, std::byte* p) {
    const int plane_bytes = 4 * plane_bits;
    for (int byte = 0; byte < plane_bytes; ++byte) {
      unsigned value = 0;
      for (int part = 0; part < 8 / plane_bits; ++part) {
        const int weight = plane_bits == 1 ? 8 * byte + part : byte + plane_bytes * part;
        value |= ((code_of(levels[weight]) >> low_bit) & ((1u << plane_bits) - 1)) << (part * plane_bits);
      }
      p[byte] = static_cast<std::byte>(value);
    }
    return p + plane_bytes;
  }

  static std::byte* store_tail(std::span<const std::int8_t> levels, std::byte* p) {
    unsigned pending = 0;
    int pending_bits = 0;
    for (const std::int8_t level : levels) {
      pending |= code_of(level) << pending_bits;
      for (pending_bits += bits; pending_bits >= 8; pending_bits -= 8, pending >>= 8)
        *p++ = static_cast<std::byte>(pending & 0xFF);
    }
    if (pending_bits > 0) *p++ = static_cast<std::byte>(pending);
    return p;
  }
};

}  // namespace quantbench::formats
