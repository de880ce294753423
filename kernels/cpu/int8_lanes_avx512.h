// The operations of int8_kernels_impl.h with the byte products of AVX-512 (VNNI). Registers of 256 bits: a run is one.
#pragma once

#include "kernels/cpu/int8_lanes_avx2.h"

namespace quantbench {
namespace {

struct Int8LanesAvx512 : Int8Registers {
  template <class F>
  static constexpr int dot_shift = -F::level_min;

  template <class F, int per>
  [[gnu::always_inline]] static void add_dot(Sums& sums, Codes codes, const std::int8_t* x, const float* scales) {
    const __m256i activations = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
    const __m256 dots = _mm256_cvtepi32_ps(_mm256_dpbusd_epi32(_mm256_setzero_si256(), codes, activations));
    sums = _mm256_fmadd_ps(dots, scales_of_parts<per>(scales), sums);
  }
};

}  // namespace
}  // namespace quantbench
