// The operations of int8_kernels_impl.h in AVX2 registers.
#pragma once

#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/lanes_avx2.h"

namespace quantbench {
namespace {

/// What AVX-512 shares: a run of 32 bytes is one register of 256 bits, and so are eight partial sums.
struct Int8Registers : LanesAvx2 {
  using Codes = __m256i;

  static Codes load_codes(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store_codes(Codes codes, std::uint8_t* p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), codes); }

  template <class F, int shift>
  [[gnu::always_inline]] static Codes codes_of(const std::byte* block, int i) {
    const Codes levels = F::template levels<LanesAvx2>(block, i);
    return shift == 0 ? levels : add(levels, shift);
  }

  /// Words of 16 bits, `stride` bytes apart, the first at p + offset.
  template <int stride, int offset = 0>
  [[gnu::always_inline]] static __m128i eight_words(const std::byte* p) {
    const auto word = [p](int k) __attribute__((always_inline)) {
      return static_cast<short>(formats::load_u16(p + offset + k * stride));
    };
    return _mm_setr_epi16(word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7));
  }

  /// Sixteen products with signed bytes, or with halves.
  static void multiply_bytes(__m128i bytes, float factor, float* out) {
    for (int half = 0; half < 2; ++half, bytes = _mm_srli_si128(bytes, 8))
      _mm256_storeu_ps(out + 8 * half,
                       _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), _mm256_set1_ps(factor)));
  }
  static void multiply_halves(__m256i halves, float factor, float* out) {
    const __m256 first = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
    const __m256 last = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
    _mm256_storeu_ps(out, _mm256_mul_ps(first, _mm256_set1_ps(factor)));
    _mm256_storeu_ps(out + 8, _mm256_mul_ps(last, _mm256_set1_ps(factor)));
  }

  template <int per>
  static __m256 scales_of_parts(const float* scales) {
    if constexpr (per == 1) return _mm256_broadcast_ss(scales);
    return _mm256_blend_ps(_mm256_broadcast_ss(scales), _mm256_broadcast_ss(scales + 1), 0xF0);
  }

  template <int count>
  static void add_products(__m256& sums, const float* a, const float* b) {
    int i = 0;
    for (; i + 8 <= count; i += 8) sums = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sums);
    if constexpr (count % 8 == 4) {
      const __m128 four = _mm_mul_ps(_mm_loadu_ps(a + i), _mm_loadu_ps(b + i));
      sums = _mm256_add_ps(sums, _mm256_zextps128_ps256(four));
    } else {
      for (; i < count; ++i) sums = _mm256_add_ps(sums, _mm256_zextps128_ps256(_mm_set_ss(a[i] * b[i])));
    }
  }
  template <int count>
  static void multiply_floats(const float* a, const float* b, float* out) {
    int i = 0;
    for (; i + 8 <= count; i += 8)
      _mm256_storeu_ps(out + i, _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    for (; i < count; ++i) out[i] = a[i] * b[i];
  }
  /// a: two for each of b.
  template <int count>
  static void multiply_pairs(const float* a, const float* b, float* out) {
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      const __m256 pairs = _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(b + i)),
                                                    _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
      _mm256_storeu_ps(out + 2 * i, _mm256_mul_ps(_mm256_loadu_ps(a + 2 * i), pairs));
    }
    for (; i < count; ++i) {
      out[2 * i] = a[2 * i] * b[i];
      out[2 * i + 1] = a[2 * i + 1] * b[i];
    }
  }
  static float total(__m256 sums) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
};

struct Int8LanesAvx2 : Int8Registers {
  /// Products of bytes are added in pairs to 16 bits: with codes of eight bits that would overflow, so there levels stay
  /// signed and the activation takes the sign.
  template <class F>
  static constexpr bool is_signed = F::level_max - F::level_min > 127;
  template <class F>
  static constexpr int dot_shift = is_signed<F> ? 0 : -F::level_min;
  static constexpr const char* variant = "generic";

  /// Runs take turns: a chain of additions to one register would be slower than the products.
  struct Sums {
    __m256 chains[2];
  };
  static Sums no_sums() { return {{_mm256_setzero_ps(), _mm256_setzero_ps()}}; }
  static float total(const Sums& sums) { return Int8Registers::total(_mm256_add_ps(sums.chains[0], sums.chains[1])); }

  template <int count>
  static void add_products(Sums& sums, const float* a, const float* b) {
    Int8Registers::add_products<count>(sums.chains[0], a, b);
  }
  template <class F, int per, int k>
  [[gnu::always_inline]] static void add_dot(Sums& sums, Codes codes, const std::int8_t* x, const float* scales) {
    const __m256i activations = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
    const __m256i pairs = is_signed<F>
                              ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(activations, codes))
                              : _mm256_maddubs_epi16(codes, activations);
    const __m256 dots = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
    sums.chains[k % 2] = _mm256_fmadd_ps(dots, scales_of_parts<per>(scales), sums.chains[k % 2]);
  }
};

}  // namespace
}  // namespace quantbench
