// IQ2_XS: 256 weights in 74 bytes, 2.3125 bits per weight. weight = d * (s + 1/2) / 4 * +-codebook entry
//   0   f16      d
//   2   32 u16   octets: bits 0..8 codeword, bits 9..15 sign index
//   66  8 bytes  nibbles: s of the groups of 16 weights, even ones in the low halves
#pragma once

#include "quantizers/formats/codebook_block.h"

namespace quantbench::formats {

struct IQ2_XS : CodebookBlocks<IQ2_XS> {
  static constexpr const char* id = "iq2_xs";
  static constexpr std::uint32_t gguf_type = 17;
  static constexpr int level_min = -43, level_max = 43;
  static constexpr int group = 16, block_bytes = 74;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto index = [b](int octet) __attribute__((always_inline)) { return load_u16(b + 2 + 2 * octet) & 511; };
    const std::byte* run = b + 2 + i / 32 * 8;
    std::uint32_t signs = 0;
    for (int k = 0; k < 4; ++k) signs |= static_cast<std::uint32_t>(load_u16(run + 2 * k) >> 9) << (7 * k);
    return L::negate_where(L::octets(iq2_xs_codebook.values, i, index), even_signs(signs), i);
  }
  [[gnu::always_inline]] static constexpr int scale_of(const std::byte* b, int h) {
    return static_cast<int>(byte_at(b, 66 + h / 2) >> (h % 2 * 4)) & 15;
  }

  static void pack_block(const CodebookBlock& parts, std::byte* b) {
    HalfScale::store(b, parts.d);
    for (int octet = 0; octet < 32; ++octet)
      store_u16(b + 2 + 2 * octet,
                static_cast<std::uint16_t>(parts.codewords[octet] | (parts.signs[octet] & 0x7F) << 9));
    store_scale_nibbles(parts.scales, 8, b + 66);
  }
  static constexpr CodebookLayout codebook{iq2_xs_codebook.values, 8,     0.125f,     15,
                                           CodebookSigns::even,    false, &pack_block};
};

}  // namespace quantbench::formats
