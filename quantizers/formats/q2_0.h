// Q2_0: 64 weights in 18 bytes, 2.25 bits per weight. weight = d * (code - 1)
//   0  f16       d
//   2  16 bytes  codes 0..3: weight i is bits 2*(i % 4), +1 of byte i / 4
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

QUANTBENCH_DEVICE_TABLE constexpr std::uint8_t q2_0_byte_of_weight[64] = {
    0,  0,  0,  0,  1,  1,  1,  1,  2,  2,  2,  2,  3,  3,  3,  3,  4,  4,  4,  4,  5,  5,
    5,  5,  6,  6,  6,  6,  7,  7,  7,  7,  8,  8,  8,  8,  9,  9,  9,  9,  10, 10, 10, 10,
    11, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15};
/// A product with it moves the wanted two bits of the byte to the top.
QUANTBENCH_DEVICE_TABLE constexpr std::uint8_t q2_0_part_of_weight[32] = {
    64, 16, 4, 1, 64, 16, 4, 1, 64, 16, 4, 1, 64, 16, 4, 1, 64, 16, 4, 1, 64, 16, 4, 1, 64, 16, 4, 1, 64, 16, 4, 1};

struct Q2_0 : FixedBlocks<Q2_0> {
  static constexpr const char* id = "q2_0";
  static constexpr std::uint32_t gguf_type = 42;
  static constexpr int block = 64, group = 64, block_bytes = 18;
  static constexpr int level_min = -1, level_max = 2;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    const auto bytes = L::picked_bytes(b + 2, b + 2, q2_0_byte_of_weight + i / 32 * 32, i % 32);
    return L::subtract(L::shift_right(L::multiply(bytes, L::constants(q2_0_part_of_weight, i % 32)), 6), 1);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {HalfScale::load(b), 0}; }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    store_block(b, affine->scale, [&](int i) { return level[i] + 1; });
  }

  /// d is the largest magnitude, so the level 2 is never used. Halves are rounded away from zero.
  static void encode_block(const float* weights, std::byte* b) {
    const float d = storable(std::fabs(signed_extreme({weights, block})));
    const float inverse = inverse_or_zero(d);
    store_block(b, d, [&](int i) { return code_of(std::round(weights[i] * inverse) + 1, 3); });
  }

 private:
  template <class Code>
  static void store_block(std::byte* b, float d, const Code& code) {
    HalfScale::store(b, d);
    for (int i = 0; i < block / 4; ++i)
      b[2 + i] =
          static_cast<std::byte>(code(4 * i) | code(4 * i + 1) << 2 | code(4 * i + 2) << 4 | code(4 * i + 3) << 6);
  }
};

}  // namespace quantbench::formats
