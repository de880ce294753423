// The operations of int8_kernels_impl.h with the byte products of 64-bit Arm (SDOT: signed times signed, four added to each sum).
#pragma once

#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/lanes_neon.h"

namespace quantbench {
namespace {

struct Int8LanesNeon : LanesNeon {
  static constexpr const char* variant = "generic";
  using Sums = float32x4_t;
  using Codes = uint8x16x2_t;
  /// Codes that are no signed bytes stay levels.
  template <class F>
  static constexpr int dot_shift = F::level_max - F::level_min > 127 ? 0 : -F::level_min;

  static Codes load_codes(const std::uint8_t* p) { return {{vld1q_u8(p), vld1q_u8(p + 16)}}; }
  static void store_codes(const Codes& codes, std::uint8_t* p) {
    vst1q_u8(p, codes.val[0]);
    vst1q_u8(p + 16, codes.val[1]);
  }
  template <class F, int shift>
  [[gnu::always_inline]] static Codes codes_of(const std::byte* block, int i) {
    const Codes levels = F::template levels<LanesNeon>(block, i);
    return shift == 0 ? levels : add(levels, shift);
  }

  static Sums no_sums() { return vdupq_n_f32(0); }
  template <class F, int per, int>
  [[gnu::always_inline]] static void add_dot(Sums& sums, const Codes& codes, const std::int8_t* x,
                                             const float* scales) {
    const int32x4_t none = vdupq_n_s32(0);
    const int32x4_t first = vdotq_s32(none, vreinterpretq_s8_u8(codes.val[0]), vld1q_s8(x));
    if constexpr (per == 1) {
      const int32x4_t both = vdotq_s32(first, vreinterpretq_s8_u8(codes.val[1]), vld1q_s8(x + 16));
      sums = vfmaq_n_f32(sums, vcvtq_f32_s32(both), scales[0]);
    } else {
      const int32x4_t last = vdotq_s32(none, vreinterpretq_s8_u8(codes.val[1]), vld1q_s8(x + 16));
      sums = vfmaq_n_f32(sums, vcvtq_f32_s32(first), scales[0]);
      sums = vfmaq_n_f32(sums, vcvtq_f32_s32(last), scales[1]);
    }
  }
  template <int count>
  static void add_products(Sums& sums, const float* a, const float* b) {
    int i = 0;
    for (; i + 4 <= count; i += 4) sums = vfmaq_f32(sums, vld1q_f32(a + i), vld1q_f32(b + i));
    for (; i < count; ++i) sums = vaddq_f32(sums, vsetq_lane_f32(a[i] * b[i], vdupq_n_f32(0), 0));
  }
  template <int count>
  static void multiply_floats(const float* a, const float* b, float* out) {
    int i = 0;
    for (; i + 4 <= count; i += 4) vst1q_f32(out + i, vmulq_f32(vld1q_f32(a + i), vld1q_f32(b + i)));
    for (; i < count; ++i) out[i] = a[i] * b[i];
  }
  /// a: two for each of b.
  template <int count>
  static void multiply_pairs(const float* a, const float* b, float* out) {
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      const float32x4_t four = vld1q_f32(b + i);
      vst1q_f32(out + 2 * i, vmulq_f32(vld1q_f32(a + 2 * i), vzip1q_f32(four, four)));
      vst1q_f32(out + 2 * i + 4, vmulq_f32(vld1q_f32(a + 2 * i + 4), vzip2q_f32(four, four)));
    }
    for (; i < count; ++i) {
      out[2 * i] = a[2 * i] * b[i];
      out[2 * i + 1] = a[2 * i + 1] * b[i];
    }
  }
  static float total(Sums sums) { return vaddvq_f32(sums); }
};

}  // namespace
}  // namespace quantbench
