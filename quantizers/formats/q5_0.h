// Q5_0: 32 weights in 22 bytes, 5.5 bits per weight. weight = d * (code - 16)
//   0  f16      d
//   2  u32      fifth bits: bit i belongs to weight i
//   6  16 bytes nibbles: the low four bits of codes 0..31
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct Q5_0 : FixedBlocks<Q5_0> {
  static constexpr const char* id = "q5_0";
  static constexpr std::uint32_t gguf_type = 6;
  static constexpr int block = 32, group = 32, block_bytes = 22;
  static constexpr int level_min = -16, level_max = 15;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const typename L::Levels fifth_bit = L::shift_left(L::bits(b + 2, i), 4);
    return L::subtract(L::bit_or(L::nibbles(b + 6, i), fifth_bit), 16);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {HalfScale::load(b), 0}; }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    store_block(b, affine->scale, [&](int i) { return level[i] + 16; });
  }

  /// The weight of largest magnitude becomes code 0, so d has the opposite sign.
  static void encode_block(const float* weights, std::byte* b) {
    const float d = storable(signed_extreme({weights, block}) / -16);
    const float inverse = inverse_or_zero(d);
    store_block(b, d, [&](int i) { return code_of(weights[i] * inverse + 16.5f, 31); });
  }

 private:
  template <class Code>
  static void store_block(std::byte* b, float d, const Code& code) {
    HalfScale::store(b, d);
    store_bits(b + 2, code, 4);
    store_nibbles(b + 6, code);
  }
};

}  // namespace quantbench::formats
