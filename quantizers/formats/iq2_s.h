// IQ2_S: 256 weights in 82 bytes, 2.5625 bits per weight. weight = d * (s + 1/2) / 4 * +-codebook entry
//   0   f16       d
//   2   32 bytes  low eight bits of the octets' codewords
//   34  32 bytes  signs: bit j of an octet's byte belongs to its weight j
//   66  8 bytes   high bits of the codewords: octet k is bits 2 * (k % 4), +1 of byte k / 4
//   74  8 bytes   nibbles: s of the groups of 16 weights, even ones in the low halves
#pragma once

#include "quantizers/formats/codebook_block.h"

namespace quantbench::formats {

struct IQ2_S : CodebookBlocks<IQ2_S> {
  static constexpr const char* id = "iq2_s";
  static constexpr std::uint32_t gguf_type = 22;
  static constexpr int level_min = -43, level_max = 43;
  static constexpr int group = 16, block_bytes = 82;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto index = [b](int octet) __attribute__((always_inline)) {
      return static_cast<int>(byte_at(b, 2 + octet) | (byte_at(b, 66 + octet / 4) >> (octet % 4 * 2) & 3) << 8);
    };
    return L::negate_where(L::octets(iq2_s_codebook.values, i, index), load_u32(b + 34 + i / 32 * 4), i);
  }
  [[gnu::always_inline]] static constexpr int scale_of(const std::byte* b, int h) {
    return static_cast<int>(byte_at(b, 74 + h / 2) >> (h % 2 * 4)) & 15;
  }

  static void pack_block(const CodebookBlock& parts, std::byte* b) {
    HalfScale::store(b, parts.d);
    for (int octet = 0; octet < 32; ++octet) {
      b[2 + octet] = static_cast<std::byte>(parts.codewords[octet] & 0xFF);
      b[34 + octet] = static_cast<std::byte>(parts.signs[octet]);
    }
    for (int k = 0; k < 8; ++k) {
      unsigned high = 0;
      for (int j = 0; j < 4; ++j) high |= static_cast<unsigned>(parts.codewords[4 * k + j] >> 8) << (2 * j);
      b[66 + k] = static_cast<std::byte>(high);
    }
    store_scale_nibbles(parts.scales, 8, b + 74);
  }
  static constexpr CodebookLayout codebook{iq2_s_codebook.values, 8,     0.125f,     15,
                                           CodebookSigns::free,   false, &pack_block};
};

}  // namespace quantbench::formats
