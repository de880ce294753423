// Q8_K: 256 weights in 292 bytes, 9.125 bits per weight. weight = d * level. A format for activations.
//     0  f32        d
//     4  256 int8   levels
//   260  16 int16   sums of the levels of 16 weights each; decoding does not need them
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/scale.h"

namespace quantbench::formats {

struct Q8_K : FixedBlocks<Q8_K> {
  static constexpr const char* id = "q8_k";
  static constexpr std::uint32_t gguf_type = 15;
  static constexpr int block = 256, group = 256, block_bytes = 292;
  static constexpr int level_min = -128, level_max = 127;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::signed_bytes(b + 4 + i / 32 * 32, i % 32);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {FloatScale::load(b), 0}; }

  /// The scale is kept small enough that scale * level is finite for all levels.
  static Affine round_affine(Affine wanted) {
    constexpr float largest = FloatScale::largest / 128;
    const float scale = nearest_scale<FloatScale>(wanted.scale);
    return {std::fabs(scale) > largest ? std::copysign(largest, scale) : scale, 0};
  }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    FloatScale::store(b, affine->scale);
    for (int sixteen = 0; sixteen < block / 16; ++sixteen) {
      int sum = 0;
      for (int i = sixteen * 16; i < (sixteen + 1) * 16; ++i) {
        b[4 + i] = static_cast<std::byte>(level[i]);
        sum += level[i];
      }
      store_u16(b + 260 + 2 * sixteen, static_cast<std::uint16_t>(sum));
    }
  }
};

}  // namespace quantbench::formats
