// IQ4_XS: 256 weights in 136 bytes, 4.25 bits per weight. weight = (d * scale) * value(code), groups of 32
//   0  f16        d
//   2  u16        the upper two bits of scale g at bits 2*g, +1
//   4  4 bytes    nibbles: the lower four bits of eight scales -32..31, stored plus 32; scale g in byte g / 2
//   8  128 bytes  nibbles of the groups one after another: codes 0..15 into iq4_values
#pragma once

#include "quantizers/formats/codebook16.h"
#include "quantizers/formats/k_quant.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct IQ4_XS : SuperBlocks<IQ4_XS> {
  static constexpr const char* id = "iq4_xs";
  static constexpr std::uint32_t gguf_type = 23;
  static constexpr int group = 32, block_bytes = 136;
  static constexpr int level_min = -127, level_max = 113;
  static constexpr const auto& level_values = iq4_values;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::lookup(iq4_values, L::nibbles(b + 8 + i / 32 * 16, i % 32));
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int index) {
    const int low = OneLane::unsigned_bytes(b + 4, index / 2) >> (index % 2 * 4) & 15;
    const int high = load_u16(b + 2) >> (2 * index) & 3;
    return {HalfScale::load(b) * static_cast<float>((low | high << 4) - 32), 0};
  }

  static void pack_block(const TwoLevelBlock& parts, std::byte* b) {
    HalfScale::store(b, parts.d);
    int low = 0, high = 0;
    for (int i = 0; i < block / group; ++i) {
      const int scale = parts.scales[i] + 32;
      low |= (scale & 15) << (i % 2 * 4);
      high |= scale >> 4 << (2 * i);
      if (i % 2 == 1) {
        b[4 + i / 2] = static_cast<std::byte>(low);
        low = 0;
      }
      store_nibbles(b + 8 + 16 * i, [&](int weight) { return iq4_code(parts.levels[group * i + weight]); });
    }
    store_u16(b + 2, static_cast<std::uint16_t>(high));
  }
  static constexpr TwoLevelScales two_level{-32, 31, 0, &pack_block};
};

}  // namespace quantbench::formats
