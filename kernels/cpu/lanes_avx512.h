// Lanes of 32 weights for AVX-512: bytes as in AVX2, floats two vectors of sixteen.
#pragma once

#include "core/vector_avx512.h"
#include "kernels/cpu/lanes_avx2.h"

namespace quantbench {
namespace {

struct LanesAvx512 : ByteLanesAvx2 {
  using Vector = VectorAvx512;
  static constexpr std::size_t parts = 2;
  static constexpr std::size_t sums_per_row = 2;
  struct Floats {
    __m512 values[parts];
  };
  static __m512& part(Floats& floats, std::size_t index) { return floats.values[index]; }

  static Floats to_floats(Levels levels) {
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm256_castsi256_si128(levels))),
            _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm256_extracti128_si256(levels, 1)))};
  }

  static Floats float_lookup(const float* table, Levels a) {
    const __m512 numbers = _mm512_loadu_ps(table);
    return {_mm512_permutexvar_ps(_mm512_cvtepu8_epi32(_mm256_castsi256_si128(a)), numbers),
            _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(_mm256_extracti128_si256(a, 1)), numbers)};
  }
  static Floats e4m3(Levels a) {
    const __m512 unit = _mm512_set1_ps(256);
    return {_mm512_mul_ps(_mm512_cvtph_ps(halves_of_e4m3(_mm256_castsi256_si128(a))), unit),
            _mm512_mul_ps(_mm512_cvtph_ps(halves_of_e4m3(_mm256_extracti128_si256(a, 1))), unit)};
  }
  static Floats e5m2(Levels a) {
    return {_mm512_cvtph_ps(halves_of_e5m2(_mm256_castsi256_si128(a))),
            _mm512_cvtph_ps(halves_of_e5m2(_mm256_extracti128_si256(a, 1)))};
  }

  static Floats f32(const std::byte* p) { return {_mm512_loadu_ps(p), _mm512_loadu_ps(p + 64)}; }
  static Floats f16(const std::byte* p) { return {_mm512_cvtph_ps(sixteen(p)), _mm512_cvtph_ps(sixteen(p + 32))}; }
  static Floats bf16(const std::byte* p) { return {widen_bf16(sixteen(p)), widen_bf16(sixteen(p + 32))}; }

 private:
  static __m256i sixteen(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static __m512 widen_bf16(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
};

static_assert(formats::Lanes<LanesAvx512>);

}  // namespace
}  // namespace quantbench
