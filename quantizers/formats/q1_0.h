// Q1_0: 128 weights in 18 bytes, 1.125 bits per weight. weight = d or -d
//   0  f16       d
//   2  16 bytes  bits: weight i is bit i % 8 of byte i / 8; 1 means d
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

constexpr std::int8_t q1_0_levels[2] = {-1, 1};

struct Q1_0 : FixedBlocks<Q1_0> {
  static constexpr const char* id = "q1_0";
  static constexpr std::uint32_t gguf_type = 41;
  static constexpr int block = 128, group = 128, block_bytes = 18;
  static constexpr int level_min = -1, level_max = 1;
  static constexpr const auto& level_values = q1_0_levels;
  static constexpr bool has_offset = false;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::subtract(L::shift_left(L::bits(b + 2 + i / 32 * 4, i % 32), 1), 1);
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) { return {HalfScale::load(b), 0}; }

  static Affine round_affine(Affine wanted) { return {nearest_scale<HalfScale>(wanted.scale), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    HalfScale::store(b, affine->scale);
    store_signs(b, [&](int i) { return level[i] > 0; });
  }

  /// d is the mean magnitude: optimal for these signs.
  static void encode_block(const float* weights, std::byte* b) {
    float sum = 0;
    for (int i = 0; i < block; ++i) sum += std::fabs(weights[i]);
    HalfScale::store(b, storable(sum / block));
    store_signs(b, [&](int i) { return weights[i] >= 0; });
  }

 private:
  template <class Positive>
  static void store_signs(std::byte* b, const Positive& positive) {
    for (int run = 0; run < block / 32; ++run)
      store_bits(
          b + 2 + 4 * run, [&](int i) { return positive(32 * run + i) ? 1 : 0; }, 0);
  }
};

}  // namespace quantbench::formats
