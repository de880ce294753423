// Lanes of 32 weights in the registers of 64-bit Arm: levels are two registers of bytes, floats eight of four.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/vector_neon.h"
#include "quantizers/formats/lanes.h"

namespace quantbench {
namespace {

struct LanesNeon {
  static constexpr int width = 32;
  using Levels = uint8x16x2_t;

  static Levels unsigned_bytes(const std::byte* p, int i) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(p + i);
    return {{vld1q_u8(from), vld1q_u8(from + 16)}};
  }
  static Levels signed_bytes(const std::byte* p, int i) { return unsigned_bytes(p, i); }
  static Levels nibbles(const std::byte* p, int i) {
    const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const std::uint8_t*>(p + i));
    return {{vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8(bytes, 4)}};
  }
  static Levels crumbs(const std::byte* p, int i) {
    const uint8x8_t eight = vld1_u8(reinterpret_cast<const std::uint8_t*>(p + i));
    const uint8x16_t bytes = vcombine_u8(eight, eight);
    const int8x16_t first = vcombine_s8(vdup_n_s8(0), vdup_n_s8(-2)), last = vcombine_s8(vdup_n_s8(-4), vdup_n_s8(-6));
    return bit_and({{vshlq_u8(bytes, first), vshlq_u8(bytes, last)}}, 3);
  }
  static Levels bits(const std::byte* p, int i) {
    std::uint32_t word;
    std::memcpy(&word, p + i, sizeof word);
    return bit_and(bit_mask(word), 1);
  }

  static Levels picked_bytes(const std::byte* p, const std::byte* q, const std::uint8_t* positions, int i) {
    return {{vqtbl1q_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(p)), vld1q_u8(positions + i)),
             vqtbl1q_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(q)), vld1q_u8(positions + i + 16))}};
  }
  static Levels constants(const std::uint8_t* table, int i) {
    return {{vld1q_u8(table + i), vld1q_u8(table + i + 16)}};
  }

  static Levels add(Levels a, Levels b) { return {{vaddq_u8(a.val[0], b.val[0]), vaddq_u8(a.val[1], b.val[1])}}; }
  static Levels add(Levels a, int n) { return add(a, every_byte(n)); }
  static Levels subtract(Levels a, int n) { return add(a, -n); }
  static Levels bit_or(Levels a, Levels b) { return {{vorrq_u8(a.val[0], b.val[0]), vorrq_u8(a.val[1], b.val[1])}}; }
  static Levels bit_and(Levels a, int n) {
    const Levels mask = every_byte(n);
    return {{vandq_u8(a.val[0], mask.val[0]), vandq_u8(a.val[1], mask.val[1])}};
  }
  static Levels shift_left(Levels a, int n) { return shifted(a, n); }
  static Levels shift_right(Levels a, int n) { return shifted(a, -n); }
  static Levels multiply(Levels a, Levels b) { return {{vmulq_u8(a.val[0], b.val[0]), vmulq_u8(a.val[1], b.val[1])}}; }
  static Levels multiply_high(Levels a, int n) {
    const uint8x8_t factor = vdup_n_u8(static_cast<std::uint8_t>(n));
    const auto high = [factor](uint8x16_t bytes) __attribute__((always_inline)) {
      const uint16x8_t low = vmull_u8(vget_low_u8(bytes), factor), upper = vmull_u8(vget_high_u8(bytes), factor);
      return vuzp2q_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(upper));
    };
    return {{high(a.val[0]), high(a.val[1])}};
  }
  static Levels lookup(const std::int8_t* table, Levels a) {
    const uint8x16_t entries = vreinterpretq_u8_s8(vld1q_s8(table));
    return {{vqtbl1q_u8(entries, a.val[0]), vqtbl1q_u8(entries, a.val[1])}};
  }

  template <class IndexOf>
  [[gnu::always_inline]] static Levels octets(const std::int8_t* table, int i, const IndexOf& index_of) {
    const auto run = [&](int k) __attribute__((always_inline)) {
      return vreinterpret_u8_s8(vld1_s8(table + 8 * index_of(i / 8 + k)));
    };
    return {{vcombine_u8(run(0), run(1)), vcombine_u8(run(2), run(3))}};
  }
  template <class IndexOf>
  [[gnu::always_inline]] static Levels quads(const std::int8_t* table, int i, const IndexOf& index_of) {
    std::uint8_t entries[32];
    for (int k = 0; k < 8; ++k) std::memcpy(entries + 4 * k, table + 4 * index_of(i / 4 + k), 4);
    return {{vld1q_u8(entries), vld1q_u8(entries + 16)}};
  }
  static Levels negate_where(Levels a, std::uint32_t word, int) {
    const Levels negative = bit_mask(word);
    return {{vsubq_u8(veorq_u8(a.val[0], negative.val[0]), negative.val[0]),
             vsubq_u8(veorq_u8(a.val[1], negative.val[1]), negative.val[1])}};
  }

  using Vector = VectorNeon;
  static constexpr std::size_t parts = 8;
  static constexpr std::size_t sums_per_row = 4;
  struct Floats {
    float32x4_t values[parts];
  };
  static float32x4_t& part(Floats& floats, std::size_t index) { return floats.values[index]; }

  static Floats to_floats(Levels levels) {
    Floats floats;
    for (std::size_t half = 0; half < 2; ++half) {
      const int8x16_t bytes = vreinterpretq_s8_u8(levels.val[half]);
      const int16x8_t low = vmovl_s8(vget_low_s8(bytes)), high = vmovl_high_s8(bytes);
      floats.values[4 * half] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
      floats.values[4 * half + 1] = vcvtq_f32_s32(vmovl_high_s16(low));
      floats.values[4 * half + 2] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
      floats.values[4 * half + 3] = vcvtq_f32_s32(vmovl_high_s16(high));
    }
    return floats;
  }

  static Floats float_lookup(const float* table, Levels a) {
    std::uint8_t index[32];
    vst1q_u8(index, a.val[0]);
    vst1q_u8(index + 16, a.val[1]);
    float numbers[32];
    for (int k = 0; k < 32; ++k) numbers[k] = table[index[k]];
    return f32(reinterpret_cast<const std::byte*>(numbers));
  }
  /// lanes.h: the bits shifted into a binary16 give the number over 2^8.
  static Floats e4m3(Levels a) {
    const auto halves = [](uint16x8_t wide) __attribute__((always_inline)) {
      const uint16x8_t magnitude = vandq_u16(wide, vdupq_n_u16(0x7F));
      const uint16x8_t sign = vshlq_n_u16(vsubq_u16(wide, magnitude), 8);
      const uint16x8_t is_nan = vceqq_u16(magnitude, vdupq_n_u16(0x7F));
      return vorrq_u16(vorrq_u16(sign, vshlq_n_u16(magnitude, 7)), vandq_u16(is_nan, vdupq_n_u16(0x7C00)));
    };
    Floats floats = widen_halves(halves(vmovl_u8(vget_low_u8(a.val[0]))), halves(vmovl_high_u8(a.val[0])),
                                 halves(vmovl_u8(vget_low_u8(a.val[1]))), halves(vmovl_high_u8(a.val[1])));
    for (float32x4_t& values : floats.values) values = vmulq_f32(values, vdupq_n_f32(256));
    return floats;
  }
  static Floats e5m2(Levels a) {
    const auto halves = [](uint16x8_t wide) __attribute__((always_inline)) { return vshlq_n_u16(wide, 8); };
    return widen_halves(halves(vmovl_u8(vget_low_u8(a.val[0]))), halves(vmovl_high_u8(a.val[0])),
                        halves(vmovl_u8(vget_low_u8(a.val[1]))), halves(vmovl_high_u8(a.val[1])));
  }

  static Floats f32(const std::byte* p) {
    Floats floats;
    for (std::size_t i = 0; i < parts; ++i)
      floats.values[i] = vreinterpretq_f32_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(p + 16 * i)));
    return floats;
  }
  static Floats f16(const std::byte* p) {
    return widen_halves(halves(p), halves(p + 16), halves(p + 32), halves(p + 48));
  }
  static Floats bf16(const std::byte* p) {
    Floats floats;
    for (std::size_t i = 0; i < 4; ++i) {
      const uint16x8_t eight = halves(p + 16 * i);
      floats.values[2 * i] = vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(eight), 16));
      floats.values[2 * i + 1] = vreinterpretq_f32_u32(vshll_n_u16(vget_high_u16(eight), 16));
    }
    return floats;
  }

 private:
  /// All bits of byte k are bit k of the word.
  static Levels bit_mask(std::uint32_t word) {
    const uint8x16_t bytes = vreinterpretq_u8_u32(vdupq_n_u32(word));
    const uint8x16_t bit_of_lane = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
    const uint8x16_t first = vcombine_u8(vdup_n_u8(0), vdup_n_u8(1)), last = vcombine_u8(vdup_n_u8(2), vdup_n_u8(3));
    return {{vtstq_u8(vqtbl1q_u8(bytes, first), bit_of_lane), vtstq_u8(vqtbl1q_u8(bytes, last), bit_of_lane)}};
  }
  static Levels every_byte(int n) {
    const uint8x16_t bytes = vdupq_n_u8(static_cast<std::uint8_t>(n & 0xFF));
    return {{bytes, bytes}};
  }
  /// Upwards; a negative count shifts downwards.
  static Levels shifted(Levels a, int n) {
    const int8x16_t count = vdupq_n_s8(static_cast<std::int8_t>(n));
    return {{vshlq_u8(a.val[0], count), vshlq_u8(a.val[1], count)}};
  }
  static uint16x8_t halves(const std::byte* p) {
    return vreinterpretq_u16_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(p)));
  }
  static Floats widen_halves(uint16x8_t a, uint16x8_t b, uint16x8_t c, uint16x8_t d) {
    const uint16x8_t all[] = {a, b, c, d};
    Floats floats;
    for (std::size_t i = 0; i < 4; ++i) {
      const float16x8_t eight = vreinterpretq_f16_u16(all[i]);
      floats.values[2 * i] = vcvt_f32_f16(vget_low_f16(eight));
      floats.values[2 * i + 1] = vcvt_high_f32_f16(eight);
    }
    return floats;
  }
};

static_assert(formats::Lanes<LanesNeon>);

}  // namespace
}  // namespace quantbench
