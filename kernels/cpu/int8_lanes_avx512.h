// The operations of int8_kernels_impl.h with the byte products of AVX-512 (VNNI). A run is one register of 256 bits here; most of
// the work is done in pairs of runs (int8_units_avx512.h).
#pragma once

#include "kernels/cpu/int8_lanes_avx2.h"

namespace quantbench {
namespace {

/// Codebooks of magnitudes with signs apart: there codes are the magnitudes, and the activations take the signs.
template <class F>
constexpr bool has_sign_bits = [] {
  if constexpr (requires { F::codebook; })
    return F::codebook.signs != CodebookSigns::shifted;
  else
    return false;
}();

/// 64 bytes of a table, to be loaded.
struct alignas(64) Bytes64 {
  std::uint8_t at[64];
  operator __m512i() const { return _mm512_load_si512(at); }
};
template <class Byte>
constexpr Bytes64 bytes64(const Byte& byte) {
  Bytes64 bytes{};
  for (int i = 0; i < 64; ++i) bytes.at[i] = static_cast<std::uint8_t>(byte(i));
  return bytes;
}

/// How eight words of 16 bits, the k-th at offset + k * stride, are picked from loads of 64 bytes that stay within 8 * stride.
template <int stride, int offset>
struct WordPicks {
  static constexpr int at(int k) { return offset + k * stride; }
  /// The last word that is in the same load as `first`.
  static constexpr int last(int first) {
    int k = first;
    while (k < 7 && at(k + 1) + 2 <= begin(first) + 64) ++k;
    return k;
  }
  static constexpr int begin(int first) { return at(first) + 64 <= 8 * stride ? at(first) : 8 * stride - 64; }

  template <int first>
  [[gnu::always_inline]] static __m512i pick(const std::byte* p, __m512i picked) {
    static constexpr Bytes64 positions = bytes64([](int i) { return at(i / 2 % 8) + i % 2 - begin(first); });
    constexpr __mmask64 mask = ((1ull << (2 * last(first) + 2)) - 1) & ~((1ull << (2 * first)) - 1);
    picked = _mm512_mask_permutexvar_epi8(picked, mask, positions, _mm512_loadu_si512(p + begin(first)));
    if constexpr (last(first) == 7)
      return picked;
    else
      return pick<last(first) + 1>(p, picked);
  }
};

struct Int8LanesAvx512 : Int8Registers {
  template <class F>
  static constexpr int dot_shift = has_sign_bits<F> ? 0 : -F::level_min;
  static constexpr const char* variant = "tuned";

  struct Sums {
    __m512 pairs[2];  // of pairs of runs, in turns
    __m256 runs;      // of single runs and of offsets
  };
  static Sums no_sums() { return {{_mm512_setzero_ps(), _mm512_setzero_ps()}, _mm256_setzero_ps()}; }
  static float total(const Sums& sums) {
    const __m512 pairs = _mm512_add_ps(sums.pairs[0], sums.pairs[1]);
    const __m256 high = _mm512_extractf32x8_ps(pairs, 1);
    return Int8Registers::total(_mm256_add_ps(_mm256_add_ps(_mm512_castps512_ps256(pairs), high), sums.runs));
  }

  template <int stride, int offset = 0>
  [[gnu::always_inline]] static __m128i eight_words(const std::byte* p) {
    return _mm512_castsi512_si128(WordPicks<stride, offset>::template pick<0>(p, _mm512_setzero_si512()));
  }
  static void multiply_bytes(__m128i bytes, float factor, float* out) {
    _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)), _mm512_set1_ps(factor)));
  }
  static void multiply_halves(__m256i halves, float factor, float* out) {
    _mm512_storeu_ps(out, _mm512_mul_ps(_mm512_cvtph_ps(halves), _mm512_set1_ps(factor)));
  }

  template <int count>
  static void add_products(Sums& sums, const float* a, const float* b) {
    Int8Registers::add_products<count>(sums.runs, a, b);
  }
  template <class F, int per, int>
  [[gnu::always_inline]] static void add_dot(Sums& sums, Codes codes, const std::int8_t* x, const float* scales) {
    const __m256i activations = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
    const __m256 dots = _mm256_cvtepi32_ps(_mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, activations));
    sums.runs = _mm256_fmadd_ps(dots, scales_of_parts<per>(scales), sums.runs);
  }
};

}  // namespace
}  // namespace quantbench
