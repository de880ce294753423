// Q2_K: 256 weights in 84 bytes, 2.625 bits per weight. weight = (d * scale) * code - (dmin * min), groups of 16
//    0  16 bytes  a group's scale 0..15 (low half) and min 0..15
//   16  64 bytes  codes 0..3 in planes (k_quant.h)
//   80  f16       d
//   82  f16       dmin
#pragma once

#include "quantizers/formats/k_quant.h"

namespace quantbench::formats {

struct Q2_K : SuperBlocks<Q2_K> {
  static constexpr const char* id = "q2_k";
  static constexpr std::uint32_t gguf_type = 10;
  static constexpr int group = 16, block_bytes = 84;
  static constexpr int level_min = 0, level_max = 3;
  static constexpr bool has_offset = true;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return plane_codes<2, L>(b + 16, i);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    const int scale_and_min = OneLane::unsigned_bytes(b, index);
    return {HalfScale::load(b + 80) * static_cast<float>(scale_and_min & 15),
            -(HalfScale::load(b + 82) * static_cast<float>(scale_and_min >> 4))};
  }

  static void pack_block(const TwoLevelBlock& parts, std::byte* b) {
    for (int i = 0; i < block / group; ++i) b[i] = static_cast<std::byte>(parts.scales[i] | parts.mins[i] << 4);
    store_plane_codes<2>(b + 16, block_codes(parts.levels, 0));
    HalfScale::store(b + 80, parts.d);
    HalfScale::store(b + 82, parts.dmin);
  }
  static constexpr TwoLevelScales two_level{0, 15, 15, &pack_block};
};

}  // namespace quantbench::formats
