// Q4_K: 256 weights in 144 bytes, 4.5 bits per weight. weight = (d * scale) * code - (dmin * min), groups of 32
//    0  f16        d
//    2  f16        dmin
//    4  12 bytes   eight scales and eight mins 0..63 (k_quant.h)
//   16  128 bytes  codes 0..15 in planes
#pragma once

#include "quantizers/formats/k_quant.h"

namespace quantbench::formats {

struct Q4_K : SuperBlocks<Q4_K> {
  static constexpr const char* id = "q4_k";
  static constexpr std::uint32_t gguf_type = 12;
  static constexpr int group = 32, block_bytes = 144;
  static constexpr int level_min = 0, level_max = 15;
  static constexpr bool has_offset = true;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return plane_codes<4, L>(b + 16, i);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    return affine_of_head(b, index);
  }

  static void pack_block(const TwoLevelBlock& parts, std::byte* b) {
    store_head(parts, b);
    store_plane_codes<4>(b + 16, block_codes(parts.levels, 0));
  }
  static constexpr TwoLevelScales two_level{0, 63, 63, &pack_block};
};

}  // namespace quantbench::formats
