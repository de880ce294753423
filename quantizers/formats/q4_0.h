// Q4_0: 32 weights in 18 bytes, 4.5 bits per weight. weight = d * (code - 8)
//   0  f16      d
//   2  16 bytes nibbles: codes 0..15
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct Q4_0 : FixedBlocks<Q4_0> {
  static constexpr const char* id = "q4_0";
  static constexpr std::uint32_t gguf_type = 2;
  static constexpr int block = 32, group = 32, block_bytes = 18;
  static constexpr int level_min = -8, level_max = 7;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::subtract(L::nibbles(b + 2, i), 8);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {HalfScale::load(b), 0}; }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    HalfScale::store(b, affine->scale);
    store_nibbles(b + 2, [&](int i) { return level[i] + 8; });
  }

  /// The weight of largest magnitude becomes code 0, so d has the opposite sign.
  static void encode_block(const float* weights, std::byte* b) {
    const float d = storable(signed_extreme({weights, block}) / -8);
    const float inverse = inverse_or_zero(d);
    HalfScale::store(b, d);
    store_nibbles(b + 2, [&](int i) { return code_of(weights[i] * inverse + 8.5f, 15); });
  }
};

}  // namespace quantbench::formats
