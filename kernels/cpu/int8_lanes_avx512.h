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

struct Int8LanesAvx512 : Int8Registers {
  template <class F>
  static constexpr int dot_shift = has_sign_bits<F> ? 0 : -F::level_min;
  static constexpr const char* variant = "tuned";

  struct Sums {
    __m512 pairs[2];  // of pairs of runs, in turns
    __m256 runs;      // of single runs and of offsets
  };
  static Sums no_sums() { return {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm256_setzero_ps()}; }
  static float total(const Sums& sums) {
    const __m512 pairs = _mm512_add_ps(sums.pairs[0], sums.pairs[1]);
    const __m256 high = _mm512_extractf32x8_ps(pairs, 1);
    return Int8Registers::total(_mm256_add_ps(_mm256_add_ps(_mm512_castps512_ps256(pairs), high), sums.runs));
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
