// MXFP4: 32 weights in 17 bytes, 4.25 bits per weight. weight = 2^(e-128) * value(code)
//   0  E8M0      e
//   1  16 bytes  nibbles: codes 0..15 into e2m1_doubled
// e = 255 means NaN in the standard of this format (OCP Microscaling 1.0). Existing decoders read it as the next power of two,
// and so does this one; no encoder writes it.
#pragma once

#include "quantizers/formats/block.h"
#include "quantizers/formats/codebook16.h"
#include "quantizers/formats/reference_rounding.h"

namespace quantbench::formats {

struct MXFP4 : FixedBlocks<MXFP4> {
  static constexpr const char* id = "mxfp4";
  static constexpr std::uint32_t gguf_type = 39;
  static constexpr int block = 32, group = 32, block_bytes = 17;
  static constexpr int level_min = -12, level_max = 12;
  static constexpr const auto& level_values = e2m1_doubled_ascending;
  static constexpr bool has_offset = false;
  /// The largest exponent with which all levels are finite.
  static constexpr int largest_finite_exponent = 252;

  template <Lanes L>
  [[gnu::always_inline]] static constexpr typename L::Levels levels(const std::byte* b, int i) {
    return L::lookup(e2m1_doubled, L::nibbles(b + 1, i));
  }
  [[gnu::always_inline]] static constexpr Affine affine(const std::byte* b, int) {
    return {scale_of(OneLane::unsigned_bytes(b, 0)), 0};
  }

  /// 2^(exponent-128); 0 and 1 give subnormal numbers.
  [[gnu::always_inline]] static constexpr float scale_of(int exponent) {
    const auto e = static_cast<std::uint32_t>(exponent);
    return __builtin_bit_cast(float, e < 2 ? 0x00200000u << e : (e - 1) << 23);
  }

  /// The exponent of the power of two nearest to the scale's magnitude, in ratio.
  static int exponent_for(float scale) {
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, scale) & 0x7FFFFFFFu;
    constexpr std::uint32_t fraction_of_root_two = 0x3504F3;
    int exponent = static_cast<int>(bits >> 23) + 1 + ((bits & 0x7FFFFFu) > fraction_of_root_two ? 1 : 0);
    if (bits < 0x00800000u) exponent = scale_of(0) * 1.41421356f >= std::fabs(scale) ? 0 : bits > 0x005A827Au ? 2 : 1;
    return std::min(exponent, largest_finite_exponent);
  }

  /// Positive: levels come in both signs.
  static Affine round_affine(Affine wanted) { return {scale_of(exponent_for(wanted.scale)), 0}; }

  static void pack_block(const Affine* affine, const std::int8_t* level, std::byte* b) {
    b[0] = static_cast<std::byte>(exponent_for(affine->scale));
    store_nibbles(b + 1, [&](int i) { return e2m1_code(level[i]); });
  }

  /// The largest weight gets the level 4, 6, 8 or 12 (clipped at 12); ties go to the lower code.
  static void encode_block(const float* weights, std::byte* b) {
    const float largest = std::fabs(signed_extreme({weights, block}));
    const int exponent = largest == 0 ? 0 : std::clamp(std::ilogb(largest) + 125, 0, largest_finite_exponent);
    b[0] = static_cast<std::byte>(exponent);
    store_nibbles(b + 1, [&](int i) { return nearest_e2m1(weights[i], scale_of(exponent)); });
  }
};

}  // namespace quantbench::formats
