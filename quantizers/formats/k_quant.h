// What the super-block formats of 256 weights ("K-quants") share.
#pragma once

#include <array>
#include <cstdint>

#include "quantizers/formats/block.h"
#include "quantizers/formats/scale.h"

namespace quantbench::formats {

/// 256 weights in groups of 16 or 32. F is the derived class; it has pack_block(TwoLevelBlock, block).
template <class F>
struct SuperBlocks : FixedBlocks<F> {
  static constexpr int block = 256;
};

/// Codes of `bits` = 2 or 4 bits in planes of 32 bytes: weight i of a run of 32 is in byte i of its plane; consecutive runs
/// take the next higher bits of the same plane until the bytes are full.
template <int bits, Lanes L>
[[gnu::always_inline]] constexpr typename L::Levels plane_codes(const std::byte* planes, int i) {
  constexpr int runs_per_plane = 8 / bits;
  const int run = i / 32;
  return L::bit_and(
      L::shift_right(L::unsigned_bytes(planes + run / runs_per_plane * 32, i % 32), run % runs_per_plane * bits),
      (1 << bits) - 1);
}

/// One bit of each of 256 weights: weight i of run r is bit r of byte i.
template <Lanes L>
[[gnu::always_inline]] constexpr typename L::Levels plane_bits(const std::byte* plane, int i) {
  return L::bit_and(L::shift_right(L::unsigned_bytes(plane, i % 32), i / 32), 1);
}

/// What `code(i)` gives for the weights of a block, none of them negative. A copy, so that what is written cannot overlap
/// what is read: loops over it become vectors.
using BlockCodes = std::array<std::uint8_t, 256>;
template <class Code>
[[gnu::always_inline]] inline BlockCodes block_codes(const Code& code) {
  BlockCodes codes;
  for (int i = 0; i < 256; ++i) codes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(code(i));
  return codes;
}
/// Levels plus a shift.
inline BlockCodes block_codes(const std::int8_t* levels, int shift) {
  return block_codes([=](int i) { return levels[i] + shift; });
}

/// The inverse of plane_codes: `bits` bits of each code from `position` on.
template <int bits>
void store_plane_codes(std::byte* planes, const BlockCodes& codes, int position = 0) {
  constexpr unsigned runs_per_plane = 8 / bits, mask = (1u << bits) - 1;
  for (unsigned plane = 0; plane < 8 / runs_per_plane; ++plane)
    for (unsigned i = 0; i < 32; ++i) {
      unsigned byte = 0;
      for (unsigned run = 0; run < runs_per_plane; ++run)
        byte |= (codes[(plane * runs_per_plane + run) * 32 + i] >> position & mask) << (run * bits);
      planes[plane * 32 + i] = static_cast<std::byte>(byte);
    }
}

struct ScaleAndMin {
  int scale, min;
};

/// The twelve bytes of Q4_K and Q5_K that hold eight scales and eight mins of 6 bits. Bytes 0..3 are scales 0..3, bytes 4..7
/// mins 0..3, each with the upper two bits of the one four groups later on top; bytes 8..11 the lower four bits of
/// scales (low half) and mins 4..7.
[[gnu::always_inline]] constexpr ScaleAndMin load_scale_and_min(const std::byte* p, int group) {
  const auto byte = [p](int i) { return static_cast<int>(p[i]); };
  if (group < 4) return {byte(group) & 63, byte(group + 4) & 63};
  return {(byte(group + 4) & 15) | byte(group - 4) >> 6 << 4, byte(group + 4) >> 4 | byte(group) >> 6 << 4};
}

inline void store_scales_and_mins(std::byte* p, const std::int8_t* scales, const std::int8_t* mins) {
  for (int i = 0; i < 4; ++i) {
    p[i] = static_cast<std::byte>(scales[i] | scales[i + 4] >> 4 << 6);
    p[i + 4] = static_cast<std::byte>(mins[i] | mins[i + 4] >> 4 << 6);
    p[i + 8] = static_cast<std::byte>((scales[i + 4] & 15) | (mins[i + 4] & 15) << 4);
  }
}

/// The sixteen bytes that a block of Q4_K and Q5_K begins with: d and dmin (f16), then the scales and mins.
[[gnu::always_inline]] constexpr Affine affine_of_head(const std::byte* b, int group) {
  const auto [scale, min] = load_scale_and_min(b + 4, group);
  return {HalfScale::load(b) * static_cast<float>(scale), -(HalfScale::load(b + 2) * static_cast<float>(min))};
}

inline void store_head(const TwoLevelBlock& parts, std::byte* b) {
  HalfScale::store(b, parts.d);
  HalfScale::store(b + 2, parts.dmin);
  store_scales_and_mins(b + 4, parts.scales, parts.mins);
}

}  // namespace quantbench::formats
