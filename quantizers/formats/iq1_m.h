// IQ1_M: 256 weights in 56 bytes, 1.75 bits per weight. weight = d * (2 s + 1) * (codebook entry +- 1/8)
//   0   32 bytes  low eight bits of the octets' codewords
//   32  16 bytes  nibbles of the octets, even ones in the low halves: bits 0..2 high bits of the codeword; bit 3: the shift
//                 is -1/8
//   48  4 u16     bits 0..11: s of four groups of 16 weights, 3 bits each; bits 12..15: a quarter of d (f16), low bits first
#pragma once

#include "quantizers/formats/codebook_block.h"

namespace quantbench::formats {

struct IQ1_M : CodebookBlocks<IQ1_M> {
  static constexpr const char* id = "iq1_m";
  static constexpr std::uint32_t gguf_type = 29;
  static constexpr int level_min = -9, level_max = 9;
  static constexpr int group = 16, block_bytes = 56;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto index = [b](int octet) __attribute__((always_inline)) {
      return static_cast<int>(byte_at(b, octet) | (octet_nibble(b, octet) & 7) << 8);
    };
    const auto shift = [b](int octet) __attribute__((always_inline)) {
      return static_cast<int>(octet_nibble(b, octet) >> 3 & 1);
    };
    return L::add(L::octets(iq1_codebook.values, i, index), L::octets(iq1_shifts.values, i, shift));
  }
  [[gnu::always_inline]] static constexpr int scale_of(const std::byte* b, int h) {
    return load_u16(b + 48 + h / 4 * 2) >> (h % 4 * 3) & 7;
  }
  /// d lies scattered, so that this format cannot load it as the others do.
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int h) {
    std::byte d[2] = {};
    store_u16(d, static_cast<std::uint16_t>(byte_at(b, 49) >> 4 | (byte_at(b, 51) & 0xF0) |
                                            (byte_at(b, 53) & 0xF0) << 4 | (byte_at(b, 55) & 0xF0) << 8));
    return {HalfScale::load(d) * (static_cast<float>(2 * scale_of(b, h) + 1) * codebook.unit), 0};
  }

  static void pack_block(const CodebookBlock& parts, std::byte* b) {
    const int d = f32_to_f16(parts.d);
    for (int octet = 0; octet < 32; ++octet) b[octet] = static_cast<std::byte>(parts.codewords[octet] & 0xFF);
    for (int k = 0; k < 16; ++k) {
      int nibbles = 0;
      for (int j = 0; j < 2; ++j)
        nibbles |= (parts.codewords[2 * k + j] >> 8 | parts.shifts_down[2 * k + j] << 3) << (4 * j);
      b[32 + k] = static_cast<std::byte>(nibbles);
    }
    for (int k = 0; k < 4; ++k) {
      int packed = (d >> (4 * k) & 15) << 12;
      for (int j = 0; j < 4; ++j) packed |= parts.scales[4 * k + j] << (3 * j);
      store_u16(b + 48 + 2 * k, static_cast<std::uint16_t>(packed));
    }
  }
  static constexpr CodebookLayout codebook{iq1_codebook.values,    8,     0.125f,     7,
                                           CodebookSigns::shifted, false, &pack_block};

 private:
  [[gnu::always_inline]] static constexpr unsigned octet_nibble(const std::byte* b, int octet) {
    return byte_at(b, 32 + octet / 2) >> (octet % 2 * 4) & 15;
  }
};

}  // namespace quantbench::formats
