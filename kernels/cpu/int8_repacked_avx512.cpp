#include <immintrin.h>

#include "kernels/cpu/int8_repacked_impl.h"

namespace quantbench {
namespace {

/// The operations of int8_repacked_impl.h for AVX-512 with VNNI and VBMI: a register is 64 bytes, or a number of each row.
struct RepackedLanesAvx512 {
  using Bytes = __m512i;
  using Integers = __m512i;
  using Floats = __m512;

  static Bytes load(const std::byte* p) { return _mm512_loadu_si512(p); }
  template <int n>
  static Bytes shift_left(Bytes a) {
    return _mm512_slli_epi16(a, n);
  }
  template <int n>
  static Bytes shift_right(Bytes a) {
    return _mm512_srli_epi16(a, n);
  }
  static Bytes keep(int mask, Bytes a) { return _mm512_and_si512(a, every_byte(mask)); }
  static Bytes select(int mask, Bytes first, Bytes second) {
    return _mm512_ternarylogic_epi32(every_byte(mask), first, second, 0xCA);
  }
  static Bytes look_up(const std::uint8_t* table, Bytes a) {
    return _mm512_permutexvar_epi8(a, _mm512_load_si512(table));
  }

  static Integers integer(std::int32_t n) { return _mm512_set1_epi32(n); }
  static Integers dot(Integers sums, Bytes a, const std::int8_t* quad) {
    std::int32_t four;
    __builtin_memcpy(&four, quad, sizeof four);
    return _mm512_dpbusd_epi32(sums, a, _mm512_set1_epi32(four));
  }
  static Integers subtract_where(unsigned bits, Integers a, std::int32_t n) {
    return _mm512_mask_sub_epi32(a, static_cast<__mmask16>(bits), a, _mm512_set1_epi32(n));
  }

  static Floats number(float x) { return _mm512_set1_ps(x); }
  static Floats to_floats(Integers a) { return _mm512_cvtepi32_ps(a); }
  static Floats halves(const std::byte* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Floats small_integers(const std::byte* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(sixteen(p))); }
  static Floats nibbles(const std::byte* p, int shift) {
    const __m512i shifted = _mm512_srl_epi32(_mm512_cvtepu8_epi32(sixteen(p)), _mm_cvtsi32_si128(shift));
    return _mm512_cvtepi32_ps(_mm512_and_si512(shifted, _mm512_set1_epi32(15)));
  }
  template <int shift>
  static Floats six_bits(const std::byte* p) {
    return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32(load(p), shift), _mm512_set1_epi32(63)));
  }
  static Floats upper_bits(const std::byte* p) {
    const auto bits = [p](int word) { return _mm512_srli_epi32(load(p + 64 * word), 30); };
    return _mm512_cvtepi32_ps(
        _mm512_or_si512(bits(0), _mm512_or_si512(_mm512_slli_epi32(bits(1), 2), _mm512_slli_epi32(bits(2), 4))));
  }
  static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  static Floats add_product(Floats a, Floats b, Floats sum) { return _mm512_fmadd_ps(a, b, sum); }
  static Floats subtract_product(Floats a, Floats b, Floats sum) { return _mm512_fnmadd_ps(a, b, sum); }
  static void store(float* p, Floats a) { _mm512_storeu_ps(p, a); }

 private:
  static __m512i every_byte(int n) { return _mm512_set1_epi8(static_cast<char>(n)); }
  static __m128i sixteen(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
};

}  // namespace

const RepackedKernels* repacked_kernels_avx512() { return repacked_kernel_table<RepackedLanesAvx512>(formats::All{}); }

}  // namespace quantbench
