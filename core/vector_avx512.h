// Vectors of sixteen f32 in AVX-512 registers. Only for translation units compiled for them.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace quantbench {
namespace {

struct VectorAvx512 {
  using Register = __m512;
  static constexpr std::size_t width = 16;
  static constexpr std::size_t panel_vectors = 2, panel_rows = 12;  // 24 of 32 registers hold sums

  static Register zero() { return _mm512_setzero_ps(); }
  static Register load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Register value) { _mm512_storeu_ps(to, value); }
  static Register broadcast(float value) { return _mm512_set1_ps(value); }
  static Register multiply(Register a, Register b) { return _mm512_mul_ps(a, b); }
  static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
  static Register fma(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
  static void interleave(Register a, Register b, Register& low, Register& high) {
    const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i second = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    low = _mm512_permutex2var_ps(a, first, b);
    high = _mm512_permutex2var_ps(a, second, b);
  }
};

}  // namespace
}  // namespace quantbench
