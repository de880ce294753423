// Vectors of eight f32 in AVX registers, with FMA. Only for translation units compiled for them.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace quantbench {
namespace {

struct VectorAvx2 {
  using Register = __m256;
  static constexpr std::size_t width = 8;
  static constexpr std::size_t panel_vectors = 2, panel_rows = 6;  // 12 of 16 registers hold sums

  static Register zero() { return _mm256_setzero_ps(); }
  static Register load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Register value) { _mm256_storeu_ps(to, value); }
  static Register broadcast(float value) { return _mm256_set1_ps(value); }
  static Register multiply(Register a, Register b) { return _mm256_mul_ps(a, b); }
  static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
  static Register fma(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
  static void interleave(Register a, Register b, Register& low, Register& high) {
    const Register even = _mm256_unpacklo_ps(a, b), odd = _mm256_unpackhi_ps(a, b);
    low = _mm256_permute2f128_ps(even, odd, 0x20);
    high = _mm256_permute2f128_ps(even, odd, 0x31);
  }
};

}  // namespace
}  // namespace quantbench
