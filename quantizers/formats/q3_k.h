// Q3_K: 256 weights in 110 bytes, 3.4375 bits per weight. weight = (d * scale) * (code - 4), groups of 16
//     0  32 bytes  the third bits of codes 0..7 (k_quant.h)
//    32  64 bytes  the lower two bits, in planes
//    96  12 bytes  sixteen scales -32..31, stored plus 32: the lower four bits of scales 0..7 (low halves) and 8..15 in
//                  8 bytes, then the upper two bits of scale s at bits 2*(s/4), +1 of byte s % 4
//   108  f16       d
#pragma once

#include "quantizers/formats/k_quant.h"

namespace quantbench::formats {

struct Q3_K : SuperBlocks<Q3_K> {
  static constexpr const char* id = "q3_k";
  static constexpr std::uint32_t gguf_type = 11;
  static constexpr int group = 16, block_bytes = 110;
  static constexpr int level_min = -4, level_max = 3;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::subtract(L::bit_or(plane_codes<2, L>(b + 32, i), L::shift_left(plane_bits<L>(b, i), 2)), 4);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    const int low = OneLane::unsigned_bytes(b + 96, index % 8) >> (index / 8 * 4) & 15;
    const int high = OneLane::unsigned_bytes(b + 104, index % 4) >> (index / 4 * 2) & 3;
    return {HalfScale::load(b + 108) * static_cast<float>((low | high << 4) - 32), 0};
  }

  static void pack_block(const TwoLevelBlock& parts, std::byte* b) {
    const BlockCodes codes = block_codes(parts.levels, 4);
    store_plane_codes<1>(b, codes, 2);
    store_plane_codes<2>(b + 32, codes);
    const auto scale = [&](int i) { return parts.scales[i] + 32; };
    for (int i = 0; i < 8; ++i) b[96 + i] = static_cast<std::byte>((scale(i) & 15) | (scale(i + 8) & 15) << 4);
    for (int i = 0; i < 4; ++i)
      b[104 + i] = static_cast<std::byte>(scale(i) >> 4 | scale(i + 4) >> 4 << 2 | scale(i + 8) >> 4 << 4 |
                                          scale(i + 12) >> 4 << 6);
    HalfScale::store(b + 108, parts.d);
  }
  static constexpr TwoLevelScales two_level{-32, 31, 0, &pack_block};
};

}  // namespace quantbench::formats
