// Q5_K: 256 weights in 176 bytes, 5.5 bits per weight. weight = (d * scale) * code - (dmin * min), groups of 32
//    0  f16        d
//    2  f16        dmin
//    4  12 bytes   eight scales and eight mins 0..63 (k_quant.h)
//   16  32 bytes   the fifth bits of codes 0..31
//   48  128 bytes  the lower four bits, in planes
#pragma once

#include "quantizers/formats/k_quant.h"

namespace quantbench::formats {

struct Q5_K : SuperBlocks<Q5_K> {
  static constexpr const char* id = "q5_k";
  static constexpr std::uint32_t gguf_type = 13;
  static constexpr int group = 32, block_bytes = 176;
  static constexpr int level_min = 0, level_max = 31;
  static constexpr bool has_offset = true;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::bit_or(plane_codes<4, L>(b + 48, i), L::shift_left(plane_bits<L>(b + 16, i), 4));
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    return affine_of_head(b, index);
  }

  static void pack_block(const TwoLevelBlock& parts, std::byte* b) {
    store_head(parts, b);
    const BlockCodes codes = block_codes(parts.levels, 0);
    store_plane_codes<1>(b + 16, codes, 4);
    store_plane_codes<4>(b + 48, codes);
  }
  static constexpr TwoLevelScales two_level{0, 63, 63, &pack_block};
};

}  // namespace quantbench::formats
