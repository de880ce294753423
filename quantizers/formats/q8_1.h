// Q8_1: 32 weights in 36 bytes, 9 bits per weight. weight = d * level. A format for activations.
//   0  f16      d
//   2  f16      d * the sum of the levels; decoding does not need it
//   4  32 int8  levels
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/scale.h"

namespace quantbench::formats {

struct Q8_1 : FixedBlocks<Q8_1> {
  static constexpr const char* id = "q8_1";
  static constexpr std::uint32_t gguf_type = 9;
  static constexpr int block = 32, group = 32, block_bytes = 36;
  static constexpr int level_min = -128, level_max = 127;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::signed_bytes(b + 4, i);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {HalfScale::load(b), 0}; }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    int sum = 0;
    for (int i = 0; i < block; ++i) {
      b[4 + i] = static_cast<std::byte>(level[i]);
      sum += level[i];
    }
    HalfScale::store(b, affine->scale);
    HalfScale::store(b + 2, nearest_finite<HalfScale>(affine->scale * static_cast<float>(sum)));
  }
};

}  // namespace quantbench::formats
