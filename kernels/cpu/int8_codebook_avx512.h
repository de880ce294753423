// UnitCodes of the IQ formats with codebooks: indices and signs of 256 weights are taken apart in registers, then gathered codewords of
// eight or four entries are the codes of 64 weights.
//
// A gather of eight 8-byte entries from the first cache takes about seven cycles here, whatever the size of the codebook. The
// alternative is a table of 16-bit codewords in registers: a two-source permute of words was measured at 2.7 cycles, and 64 weights
// need one for 256 codewords, two to eight for more, and three further permutes to spread the words to bytes; not built for that.
#pragma once

#include "kernels/cpu/int8_affines_avx2.h"
#include "kernels/cpu/int8_codes_avx512.h"

namespace quantbench {
namespace {

/// The entries of eight octets. `words` has the indices of the 32 octets of a block.
template <int k, int size>
[[gnu::always_inline]] inline __m512i octets(const formats::Codebook<8, size>& codebook, __m512i words) {
  static constexpr Bytes64 positions = bytes64([](int i) { return 16 * k + i / 4 * 2 + i % 2; });
  const __m512i indices = _mm512_maskz_permutexvar_epi8(0x3333333333333333ull, positions, words);
  return _mm512_i32gather_epi64(_mm512_castsi512_si256(indices), codebook.values, 8);
}
/// The entries of sixteen quads.
template <int size>
[[gnu::always_inline]] inline __m512i quads(const formats::Codebook<4, size>& codebook, __m512i indices) {
  return _mm512_i32gather_epi32(indices, codebook.values, 4);
}

/// 16 bits of the k-th byte pair of each of eight words: bits from position `step` * j of octet j of four, as the upper byte.
template <int step>
[[gnu::always_inline]] inline __m512i fields_of_octets(__m512i of_groups) {
  static constexpr Bytes64 positions = bytes64([](int i) { return i % 2 == 1 ? i % 8 / 2 * step : 8; });
  return _mm512_multishift_epi64_epi8(positions, of_groups);
}
[[gnu::always_inline]] inline __m512i words_of_bytes(const std::byte* p) {
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
[[gnu::always_inline]] inline __m512i with_high_bits(__m512i low, __m512i fields, int mask) {
  return _mm512_ternarylogic_epi32(low, fields, _mm512_set1_epi16(static_cast<short>(mask)), 0xF8);
}

/// The sign bits of 256 weights.
struct SignBits {
  alignas(32) std::byte of_octet[32];

  template <int k>
  [[gnu::always_inline]] __mmask64 pair() const {
    return load_mask(of_octet + 8 * k);
  }
};
/// Seven bits in each byte (the eighth is ignored): the eighth makes their number even.
[[gnu::always_inline]] inline SignBits even_sign_bits(__m512i sevens) {
  static constexpr Bytes64 parity_of_six =
      bytes64([](int i) { return __builtin_parity(static_cast<unsigned>(i)) << 7; });
  const __m512i parity = _mm512_xor_si512(_mm512_permutexvar_epi8(sevens, parity_of_six), _mm512_slli_epi16(sevens, 1));
  SignBits signs;
  _mm256_store_si256(reinterpret_cast<__m256i*>(signs.of_octet),
                     _mm512_castsi512_si256(select_bits(0x7F, sevens, parity)));
  return signs;
}
/// From words of 32 bits with four sign indices each.
[[gnu::always_inline]] inline SignBits even_sign_bits_of_words(__m256i words) {
  static constexpr Bytes64 positions = bytes64([](int i) { return i % 8 / 4 * 32 + i % 4 * 7; });
  return even_sign_bits(_mm512_multishift_epi64_epi8(positions, _mm512_castsi256_si512(words)));
}

template <>
struct UnitCodes<formats::IQ2_XXS> {
  __m512i words;
  SignBits signs;

  [[gnu::always_inline]] explicit UnitCodes(const std::byte* b)
      : signs(even_sign_bits_of_words(sign_words<formats::IQ2_XXS>(b))) {
    static constexpr Bytes64 positions = bytes64([](int i) { return i / 8 * 8 + i % 8 / 2; });
    words = _mm512_maskz_permutexvar_epi8(0x5555555555555555ull, positions, load64(b + 2));
  }
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return octets<k>(formats::iq2_xxs_codebook, words);
  }
  template <int k>
  [[gnu::always_inline]] __mmask64 negative() const {
    return signs.pair<k>();
  }
};

template <>
struct UnitCodes<formats::IQ2_XS> {
  __m512i words;
  SignBits signs;

  [[gnu::always_inline]] explicit UnitCodes(const std::byte* b)
      : words(_mm512_and_si512(load64(b + 2), _mm512_set1_epi16(511))), signs(sign_bits(load64(b + 2))) {}
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return octets<k>(formats::iq2_xs_codebook, words);
  }
  template <int k>
  [[gnu::always_inline]] __mmask64 negative() const {
    return signs.pair<k>();
  }

 private:
  [[gnu::always_inline]] static SignBits sign_bits(__m512i stored) {
    static constexpr Bytes64 upper_bytes = bytes64([](int i) { return 2 * i + 1; });
    return even_sign_bits(_mm512_permutexvar_epi8(upper_bytes, _mm512_srli_epi16(stored, 1)));
  }
};

template <>
struct UnitCodes<formats::IQ2_S> {
  const std::byte* b;
  __m512i words;

  [[gnu::always_inline]] explicit UnitCodes(const std::byte* block) : b(block) {
    static constexpr Bytes64 positions = bytes64([](int i) { return i % 2 == 1 ? i / 8 * 8 + i % 8 / 2 * 2 : 0; });
    const __m512i fields =
        _mm512_multishift_epi64_epi8(positions, _mm512_set1_epi64(static_cast<long long>(load_u64(b + 66))));
    words = with_high_bits(words_of_bytes(b + 2), fields, 0x0300);
  }
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return octets<k>(formats::iq2_s_codebook, words);
  }
  template <int k>
  [[gnu::always_inline]] __mmask64 negative() const {
    return load_mask(b + 34 + 8 * k);
  }
};

template <>
struct UnitCodes<formats::IQ3_XXS> {
  const std::byte* b;
  SignBits signs;

  [[gnu::always_inline]] explicit UnitCodes(const std::byte* block)
      : b(block), signs(even_sign_bits_of_words(sign_words<formats::IQ3_XXS>(block))) {}
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const auto* indices = reinterpret_cast<const __m128i*>(b + 2 + 16 * k);
    return quads(formats::iq3_xxs_codebook, _mm512_cvtepu8_epi32(_mm_loadu_si128(indices)));
  }
  template <int k>
  [[gnu::always_inline]] __mmask64 negative() const {
    return signs.pair<k>();
  }
};

template <>
struct UnitCodes<formats::IQ3_S> {
  const std::byte* b;

  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const __m512i low = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 2 + 16 * k)));
    const __mmask16 ninth = formats::load_u16(b + 66 + 2 * k);
    return quads(formats::iq3_s_codebook, _mm512_mask_add_epi32(low, ninth, low, _mm512_set1_epi32(256)));
  }
  template <int k>
  [[gnu::always_inline]] __mmask64 negative() const {
    return load_mask(b + 74 + 8 * k);
  }
};

/// IQ1: entries -8, 0, 8 and a shift of 1 or -1 for each octet.
struct ShiftedOctets {
  __m512i words;
  std::uint32_t shifted_down;

  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const __m512i codes = _mm512_add_epi8(octets<k>(formats::iq1_codebook, words), every_byte(9 + 1));
    return _mm512_mask_sub_epi64(codes, static_cast<__mmask8>(shifted_down >> (8 * k)), codes, every_byte(2));
  }
};

template <>
struct UnitCodes<formats::IQ1_S> : ShiftedOctets {
  [[gnu::always_inline]] explicit UnitCodes(const std::byte* b) {
    const __m512i groups = _mm512_cvtepu16_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 34)));
    const __m512i fields = fields_of_octets<3>(groups);
    words = with_high_bits(words_of_bytes(b + 2), fields, 0x0700);
    shifted_down = _mm512_test_epi16_mask(fields, _mm512_set1_epi16(0x0080));
  }
};

template <>
struct UnitCodes<formats::IQ1_M> : ShiftedOctets {
  [[gnu::always_inline]] explicit UnitCodes(const std::byte* b) {
    const __m512i groups = _mm512_cvtepu16_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 32)));
    const __m512i fields = fields_of_octets<4>(groups);
    words = with_high_bits(words_of_bytes(b), fields, 0x0700);
    shifted_down = _mm512_test_epi16_mask(fields, _mm512_set1_epi16(0x0800));
  }
};

}  // namespace
}  // namespace quantbench
