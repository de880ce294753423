// IQ3_S: 256 weights in 110 bytes, 3.4375 bits per weight. weight = d * (2 s + 1) * +-codebook entry
//   0    f16       d
//   2    64 bytes  low eight bits of the quads' codewords
//   66   8 bytes   ninth bits: bit k % 8 of byte k / 8 belongs to quad k
//   74   32 bytes  signs: bit j of an octet's byte belongs to its weight j
//   106  4 bytes   nibbles: s of the groups of 32 weights, even ones in the low halves
#pragma once

#include "quantizers/formats/codebook_block.h"

namespace quantbench::formats {

struct IQ3_S : CodebookBlocks<IQ3_S> {
  static constexpr const char* id = "iq3_s";
  static constexpr std::uint32_t gguf_type = 21;
  static constexpr int level_min = -15, level_max = 15;
  static constexpr int group = 32, block_bytes = 110;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto index = [b](int quad) __attribute__((always_inline)) {
      return static_cast<int>(byte_at(b, 2 + quad) | (byte_at(b, 66 + quad / 8) >> (quad % 8) & 1) << 8);
    };
    return L::negate_where(L::quads(iq3_s_codebook.values, i, index), load_u32(b + 74 + i / 32 * 4), i);
  }
  [[gnu::always_inline]] static constexpr int scale_of(const std::byte* b, int g) {
    return static_cast<int>(byte_at(b, 106 + g / 2) >> (g % 2 * 4)) & 15;
  }

  static void pack_block(const CodebookBlock& parts, std::byte* b) {
    HalfScale::store(b, parts.d);
    for (int quad = 0; quad < 64; ++quad) b[2 + quad] = static_cast<std::byte>(parts.codewords[quad] & 0xFF);
    for (int k = 0; k < 8; ++k) {
      unsigned ninth = 0;
      for (int j = 0; j < 8; ++j) ninth |= static_cast<unsigned>(parts.codewords[8 * k + j] >> 8) << j;
      b[66 + k] = static_cast<std::byte>(ninth);
    }
    for (int octet = 0; octet < 32; ++octet) b[74 + octet] = static_cast<std::byte>(parts.signs[octet]);
    store_scale_nibbles(parts.scales, 4, b + 106);
  }
  static constexpr CodebookLayout codebook{iq3_s_codebook.values, 4, 1.0f, 15, CodebookSigns::free, false, &pack_block};
};

}  // namespace quantbench::formats
