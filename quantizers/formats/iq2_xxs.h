// IQ2_XXS: 256 weights in 66 bytes, 2.0625 bits per weight. weight = d * (s + 1/2) / 4 * +-codebook entry
//   0         f16      d
//   2 + 8 g   4 bytes  group g of 32 weights: codeword of each octet
//   6 + 8 g   u32      bits 7k..7k+6: sign index of octet k; bits 28..31: s
#pragma once

#include "quantizers/formats/codebook_block.h"

namespace quantbench::formats {

struct IQ2_XXS : CodebookBlocks<IQ2_XXS> {
  static constexpr const char* id = "iq2_xxs";
  static constexpr std::uint32_t gguf_type = 16;
  static constexpr int level_min = -43, level_max = 43;
  static constexpr int group = 32, block_bytes = 66;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto index = [b](int octet) __attribute__((always_inline)) {
      return static_cast<int>(byte_at(b, 2 + octet / 4 * 8 + octet % 4));
    };
    const std::uint32_t negative = even_signs(load_u32(b + 6 + i / 32 * 8));
    return L::negate_where(L::octets(iq2_xxs_codebook.values, i, index), negative, i);
  }
  [[gnu::always_inline]] static constexpr int scale_of(const std::byte* b, int g) {
    return static_cast<int>(byte_at(b, 9 + 8 * g) >> 4);
  }

  static void pack_block(const CodebookBlock& parts, std::byte* b) {
    HalfScale::store(b, parts.d);
    for (int g = 0; g < 8; ++g) {
      for (int k = 0; k < 4; ++k) b[2 + 8 * g + k] = static_cast<std::byte>(parts.codewords[4 * g + k]);
      store_u32(b + 6 + 8 * g, sign_indices(parts.signs + 4 * g) | static_cast<std::uint32_t>(parts.scales[g]) << 28);
    }
  }
  static constexpr CodebookLayout codebook{iq2_xxs_codebook.values, 8,     0.125f,     15,
                                           CodebookSigns::even,     false, &pack_block};
};

}  // namespace quantbench::formats
