// IQ3_XXS: 256 weights in 98 bytes, 3.0625 bits per weight. weight = d * (s + 1/2) / 2 * +-codebook entry
//   0         f16       d
//   2         64 bytes  codewords of the quads
//   66 + 4 g  u32       group g of 32 weights: bits 7k..7k+6: sign index of octet k; bits 28..31: s
#pragma once

#include "quantizers/formats/codebook_block.h"

namespace quantbench::formats {

struct IQ3_XXS : CodebookBlocks<IQ3_XXS> {
  static constexpr const char* id = "iq3_xxs";
  static constexpr std::uint32_t gguf_type = 18;
  static constexpr int level_min = -62, level_max = 62;
  static constexpr int group = 32, block_bytes = 98;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto index = [b](int quad) __attribute__((always_inline)) { return static_cast<int>(byte_at(b, 2 + quad)); };
    const std::uint32_t negative = even_signs(load_u32(b + 66 + i / 32 * 4));
    return L::negate_where(L::quads(iq3_xxs_codebook.values, i, index), negative, i);
  }
  [[gnu::always_inline]] static constexpr int scale_of(const std::byte* b, int g) {
    return static_cast<int>(byte_at(b, 69 + 4 * g) >> 4);
  }

  static void pack_block(const CodebookBlock& parts, std::byte* b) {
    HalfScale::store(b, parts.d);
    for (int quad = 0; quad < 64; ++quad) b[2 + quad] = static_cast<std::byte>(parts.codewords[quad]);
    for (int g = 0; g < 8; ++g)
      store_u32(b + 66 + 4 * g, sign_indices(parts.signs + 4 * g) | static_cast<std::uint32_t>(parts.scales[g]) << 28);
  }
  static constexpr CodebookLayout codebook{iq3_xxs_codebook.values, 4,     0.25f,      15,
                                           CodebookSigns::even,     false, &pack_block};
};

}  // namespace quantbench::formats
