// Q5_1: 32 weights in 24 bytes, 6 bits per weight. weight = d * code + m
//   0  f16      d
//   2  f16      m, of any sign
//   4  u32      fifth bits: bit i belongs to weight i
//   8  16 bytes nibbles: the low four bits of codes 0..31
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct Q5_1 : FixedBlocks<Q5_1> {
  static constexpr const char* id = "q5_1";
  static constexpr std::uint32_t gguf_type = 7;
  static constexpr int block = 32, group = 32, block_bytes = 24;
  static constexpr int level_min = 0, level_max = 31;
  static constexpr bool has_offset = true;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::bit_or(L::nibbles(b + 8, i), L::shift_left(L::bits(b + 4, i), 4));
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) {
    return {HalfScale::load(b), HalfScale::load(b + 2)};
  }

  static Affine round_affine(Affine wanted) {
    return {nearest_scale<HalfScale>(wanted.scale), nearest_finite<HalfScale>(wanted.offset)};
  }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    store_block(b, *affine, [&](int i) { return level[i]; });
  }

  static void encode_block(const float* weights, std::byte* b) {
    const RangeAffine range = range_affine({weights, block}, level_max);
    store_block(b, {range.scale, range.offset},
                [&](int i) { return code_of((weights[i] - range.offset) * range.inverse + 0.5f, level_max); });
  }

 private:
  template <class Code>
  static void store_block(std::byte* b, Affine affine, const Code& code) {
    HalfScale::store(b, affine.scale);
    HalfScale::store(b + 2, affine.offset);
    store_bits(b + 4, code, 4);
    store_nibbles(b + 8, code);
  }
};

}  // namespace quantbench::formats
