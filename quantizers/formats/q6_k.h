// Q6_K: 256 weights in 210 bytes, 6.5625 bits per weight. weight = (d * scale) * (code - 32), groups of 16
//     0  128 bytes  the lower four bits of codes 0..63; two planes of 32 bytes for 128 weights, in which weights 0..63 of
//                   them take the low halves
//   128  64 bytes   the upper two bits, in planes (k_quant.h)
//   192  16 int8    scales
//   208  f16        d
#pragma once

#include "quantizers/formats/k_quant.h"

namespace quantbench::formats {

struct Q6_K : SuperBlocks<Q6_K> {
  static constexpr const char* id = "q6_k";
  static constexpr std::uint32_t gguf_type = 14;
  static constexpr int group = 16, block_bytes = 210;
  static constexpr int level_min = -32, level_max = 31;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto low =
        L::bit_and(L::shift_right(L::unsigned_bytes(b + i / 128 * 64 + i / 32 % 2 * 32, i % 32), i / 64 % 2 * 4), 15);
    return L::subtract(L::bit_or(low, L::shift_left(plane_codes<2, L>(b + 128, i), 4)), 32);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    return {HalfScale::load(b + 208) * static_cast<float>(OneLane::signed_bytes(b + 192, index)), 0};
  }

  static void pack_block(const TwoLevelBlock& parts, std::byte* b) {
    const BlockCodes codes = block_codes(parts.levels, 32);
    for (unsigned half = 0; half < 2; ++half)
      for (unsigned i = 0; i < 64; ++i)
        b[half * 64 + i] =
            static_cast<std::byte>((codes[half * 128 + i] & 15) | (codes[half * 128 + i + 64] & 15) << 4);
    store_plane_codes<2>(b + 128, codes, 4);
    for (int i = 0; i < block / group; ++i) b[192 + i] = static_cast<std::byte>(parts.scales[i]);
    HalfScale::store(b + 208, parts.d);
  }
  static constexpr TwoLevelScales two_level{-128, 127, 0, &pack_block};
};

}  // namespace quantbench::formats
