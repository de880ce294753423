// IQ1_S: 256 weights in 50 bytes, 1.5625 bits per weight. weight = d * (2 s + 1) * (codebook entry +- 1/8)
//   0   f16       d
//   2   32 bytes  low eight bits of the octets' codewords
//   34  8 u16     group g of 32 weights: bits 3k..3k+2: high bits of the codeword of octet k; bits 12..14: s; bit 15: the
//                 shift is -1/8
#pragma once

#include "quantizers/formats/codebook_block.h"

namespace quantbench::formats {

struct IQ1_S : CodebookBlocks<IQ1_S> {
  static constexpr const char* id = "iq1_s";
  static constexpr std::uint32_t gguf_type = 19;
  static constexpr int level_min = -9, level_max = 9;
  static constexpr int group = 32, block_bytes = 50;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto index = [b](int octet) __attribute__((always_inline)) {
      return static_cast<int>(byte_at(b, 2 + octet) | (load_u16(b + 34 + octet / 4 * 2) >> (octet % 4 * 3) & 7u) << 8);
    };
    const int shift = load_u16(b + 34 + i / 32 * 2) & 0x8000 ? -1 : 1;
    return L::add(L::octets(iq1_codebook.values, i, index), shift);
  }
  [[gnu::always_inline]] static constexpr int scale_of(const std::byte* b, int g) {
    return load_u16(b + 34 + 2 * g) >> 12 & 7;
  }

  static void pack_block(const CodebookBlock& parts, std::byte* b) {
    HalfScale::store(b, parts.d);
    for (int octet = 0; octet < 32; ++octet) b[2 + octet] = static_cast<std::byte>(parts.codewords[octet] & 0xFF);
    for (int g = 0; g < 8; ++g) {
      int high = parts.scales[g] << 12 | parts.shifts_down[4 * g] << 15;
      for (int k = 0; k < 4; ++k) high |= parts.codewords[4 * g + k] >> 8 << (3 * k);
      store_u16(b + 34 + 2 * g, static_cast<std::uint16_t>(high));
    }
  }
  static constexpr CodebookLayout codebook{iq1_codebook.values,    8,    0.125f,     7,
                                           CodebookSigns::shifted, true, &pack_block};
};

}  // namespace quantbench::formats
