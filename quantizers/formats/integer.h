// Integer formats of 2 to 8 bits: weight = scale * (level - zero), with a group of any size per scale.
//
// Groups lie as grouped_codes.h says; their affine is
//   scale      f16 or f32, little-endian
//   zero       int8, asymmetric formats only. A whole byte whatever the bits: it is one load, and packing it tighter
//              would save 0.04 bits per weight in groups of 128 at 3 bits.
// Stored are the codes level + 2^(bits-1), or for 8 bits the level itself as int8. Levels and zero points are in
// -2^(bits-1) .. 2^(bits-1)-1; this is q - 2^(bits-1) of the customary q and zero point in 0 .. 2^bits-1.
#pragma once

#include <cmath>

#include "quantizers/formats/grouped_codes.h"
#include "quantizers/formats/scale.h"

namespace quantbench::formats {

template <int bits_, bool symmetric_, class Scale_>
struct Integer : GroupedCodes<Integer<bits_, symmetric_, Scale_>, bits_> {
  using Scale = Scale_;
  using typename GroupedCodes<Integer, bits_>::Codes;
  static constexpr int bits = bits_;
  static constexpr bool symmetric = symmetric_;
  static constexpr bool has_offset = !symmetric;
  static constexpr int half = 1 << (bits - 1);
  static constexpr int level_min = -half, level_max = half - 1;
  static constexpr int affine_bytes = Scale::bytes + (symmetric ? 0 : 1);

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* codes, int i) {
    if constexpr (bits == 8)
      return L::signed_bytes(codes, i);
    else
      return L::subtract(Codes::template codes<L>(codes, i), half);
  }

  [[gnu::always_inline]] static constexpr int tail_level(const std::byte* codes, int i, int weights) {
    const int code = Codes::tail_code(codes, i, weights);
    return bits == 8 ? static_cast<std::int8_t>(code) : code - half;
  }

  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* p, int) {
    const float scale = Scale::load(p);
    if constexpr (symmetric)
      return {scale, 0};
    else
      return {scale, -(scale * static_cast<float>(OneLane::signed_bytes(p + Scale::bytes, 0)))};
  }

  /// The scale is kept small enough that scale * (level - zero) is finite for all levels and zero points.
  static Affine round_affine(Affine wanted) {
    constexpr float largest = Scale::largest < FLT_MAX / (2 * half) ? Scale::largest : FLT_MAX / (2 * half);
    const float rounded = nearest_scale<Scale>(wanted.scale);
    const float scale = std::fabs(rounded) > largest ? std::copysign(largest, rounded) : rounded;
    if (symmetric || scale == 0) return {scale, 0};
    return {scale, -(scale * static_cast<float>(zero_point({scale, wanted.offset})))};
  }

  /// The integer zero point whose affine is nearest to this one.
  static int zero_point(Affine affine) {
    if (affine.scale == 0) return 0;
    const float nearest = std::nearbyint(-affine.offset / affine.scale);
    return static_cast<int>(
        std::fmin(std::fmax(nearest, static_cast<float>(level_min)), static_cast<float>(level_max)));
  }

  static unsigned code_of(std::int8_t level) { return static_cast<unsigned>(bits == 8 ? level : level + half); }

  static std::byte* store_affine(Affine affine, std::byte* p) {
    Scale::store(p, affine.scale);
    if constexpr (!symmetric) p[Scale::bytes] = static_cast<std::byte>(zero_point(affine));
    return p + affine_bytes;
  }
};

}  // namespace quantbench::formats
