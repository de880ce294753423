// Q8_0: 32 weights in 34 bytes, 8.5 bits per weight. weight = d * level
//   0  f16      d
//   2  32 int8  levels; -128 can be read but is never written by the plain rounding
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct Q8_0 : FixedBlocks<Q8_0> {
  static constexpr const char* id = "q8_0";
  static constexpr std::uint32_t gguf_type = 8;
  static constexpr int block = 32, group = 32, block_bytes = 34;
  static constexpr int level_min = -128, level_max = 127;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::signed_bytes(b + 2, i);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {HalfScale::load(b), 0}; }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    HalfScale::store(b, affine->scale);
    for (int i = 0; i < block; ++i) b[2 + i] = static_cast<std::byte>(level[i]);
  }

  /// Rounds halves away from zero.
  static void encode_block(const float* weights, std::byte* b) {
    const float d = storable(std::fabs(signed_extreme({weights, block})) / 127);
    const float inverse = inverse_or_zero(d);
    HalfScale::store(b, d);
    for (int i = 0; i < block; ++i)
      b[2 + i] =
          static_cast<std::byte>(static_cast<int>(std::clamp(std::round(weights[i] * inverse), -127.0f, 127.0f)));
  }
};

}  // namespace quantbench::formats
