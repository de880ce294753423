// TQ2_0: 256 weights in 66 bytes, 2.0625 bits per weight. weight = d * (code - 1)
//    0  64 bytes  codes 0..3 in planes (k_quant.h). The reference encoder writes 0..2 only.
//   64  f16       d
#pragma once

#include "quantizers/formats/k_quant.h"
#include "quantizers/formats/ternary.h"

namespace quantbench::formats {

struct TQ2_0 : SuperBlocks<TQ2_0> {
  static constexpr const char* id = "tq2_0";
  static constexpr std::uint32_t gguf_type = 35;
  static constexpr int group = 256, block_bytes = 66;
  static constexpr int level_min = -1, level_max = 2;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::subtract(plane_codes<2, L>(b, i), 1);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) {
    return {HalfScale::load(b + 64), 0};
  }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    store_block(b, affine->scale, [&](int i) { return level[i] + 1; });
  }

  static void encode_block(const float* weights, std::byte* b) {
    round_ternary({weights, block}, [&](float d, const auto& code) { store_block(b, d, code); });
  }

 private:
  template <class Code>
  static void store_block(std::byte* b, float d, const Code& code) {
    store_plane_codes<2>(b, block_codes(code));
    HalfScale::store(b + 64, d);
  }
};

}  // namespace quantbench::formats
