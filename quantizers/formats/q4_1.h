// Q4_1: 32 weights in 20 bytes, 5 bits per weight. weight = d * code + m
//   0  f16      d
//   2  f16      m, of any sign
//   4  16 bytes nibbles: codes 0..15
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct Q4_1 : FixedBlocks<Q4_1> {
  static constexpr const char* id = "q4_1";
  static constexpr std::uint32_t gguf_type = 3;
  static constexpr int block = 32, group = 32, block_bytes = 20;
  static constexpr int level_min = 0, level_max = 15;
  static constexpr bool has_offset = true;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::nibbles(b + 4, i);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) {
    return {HalfScale::load(b), HalfScale::load(b + 2)};
  }

  static Affine round_affine(Affine wanted) {
    return {nearest_scale<HalfScale>(wanted.scale), nearest_finite<HalfScale>(wanted.offset)};
  }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    HalfScale::store(b, affine->scale);
    HalfScale::store(b + 2, affine->offset);
    store_nibbles(b + 4, [&](int i) { return level[i]; });
  }

  static void encode_block(const float* weights, std::byte* b) {
    const RangeAffine range = range_affine({weights, block}, level_max);
    HalfScale::store(b, range.scale);
    HalfScale::store(b + 2, range.offset);
    store_nibbles(b + 4, [&](int i) { return code_of((weights[i] - range.offset) * range.inverse + 0.5f, level_max); });
  }
};

}  // namespace quantbench::formats
