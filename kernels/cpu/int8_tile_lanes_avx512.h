// The lanes of int8_tile_impl.h with the byte products of VNNI: unsigned times signed bytes, four added to each sum.
#pragma once

#include "core/vector_avx512.h"
#include "kernels/cpu/int8_tile.h"

namespace quantbench {
namespace {

struct Int8TileAvx512 {
  using V = VectorAvx512;
  using Sums = __m512i;
  static constexpr std::size_t vectors = 2, rows = 6;  // 12 integer sums and 12 totals of 32 registers
  static constexpr bool bits_are_floats = true;

  static __m512 load_words(const void* from) { return _mm512_loadu_ps(from); }
  static void store_words(void* to, __m512 words) { _mm512_storeu_ps(to, words); }
  static __m512 subtract(__m512 words, int shift) {
    return _mm512_castsi512_ps(_mm512_sub_epi8(_mm512_castps_si512(words), _mm512_set1_epi8(static_cast<char>(shift))));
  }
  static Sums start(const std::int32_t* sum) { return _mm512_set1_epi32(*sum); }
  static __m512i broadcast(const std::int8_t* x) {
    std::int32_t four;
    __builtin_memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static void add_products(Sums& sums, __m512 codes, __m512i x) {
    sums = _mm512_dpbusd_epi32(sums, _mm512_castps_si512(codes), x);
  }
  static __m512 floats(Sums sums) { return _mm512_castsi512_ps(sums); }
};

}  // namespace
}  // namespace quantbench
