// What the super-block formats of 256 weights ("K-quants") share.
#pragma once

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

/// The inverse of plane_codes for 256 weights; `code(i)` is not negative, its bits from `bits` on are left out.
template <int bits, class Code>
void store_plane_codes(std::byte* planes, const Code& code) {
  constexpr int runs_per_plane = 8 / bits;
  for (int i = 0; i < 32 * 8 / runs_per_plane; ++i) {
    int byte = 0;
    for (int part = 0; part < runs_per_plane; ++part)
      byte |= (code(i / 32 * 32 * runs_per_plane + part * 32 + i % 32) & ((1 << bits) - 1)) << (part * bits);
    planes[i] = static_cast<std::byte>(byte);
  }
}

/// The inverse of plane_bits: bit `position` of 256 codes.
template <class Code>
void store_plane_bits(std::byte* plane, const Code& code, int position) {
  for (int i = 0; i < 32; ++i) {
    int byte = 0;
    for (int run = 0; run < 8; ++run) byte |= ((code(run * 32 + i) >> position) & 1) << run;
    plane[i] = static_cast<std::byte>(byte);
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
