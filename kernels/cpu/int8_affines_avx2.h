// Scales and offsets of eight runs at once, for formats whose scales lie in a pattern: specialisations of UnitAffines
// (int8_kernels_impl.h). AVX-512 shares them. Products are those of F::affine, bit for bit: a scale of eleven bits times a small integer
// is exact.
#pragma once

#include "kernels/cpu/int8_kernels_impl.h"
#include "kernels/cpu/int8_lanes_avx2.h"

namespace quantbench {
namespace {

[[gnu::always_inline]] inline __m256 every_f16(const std::byte* p) {
  return _mm256_set1_ps(formats::HalfScale::load(p));
}

[[gnu::always_inline]] inline __m256 negative(__m256 a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }

[[gnu::always_inline]] inline __m256i eight_bytes(std::uint64_t bytes) {
  return _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes)));
}
[[gnu::always_inline]] inline __m256i eight_bytes(const std::byte* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
[[gnu::always_inline]] inline std::uint64_t load_u64(const std::byte* p) {
  std::uint64_t value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}
[[gnu::always_inline]] inline std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
  return low | static_cast<std::uint64_t>(high) << 32;
}
/// Nibble k of four bytes, in the order low, high.
[[gnu::always_inline]] inline __m256i eight_nibbles(const std::byte* p) {
  const __m256i all = _mm256_set1_epi32(static_cast<int>(formats::load_u32(p)));
  return _mm256_and_si256(_mm256_srlv_epi32(all, _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28)),
                          _mm256_set1_epi32(15));
}

/// Writes eight affines: scales unit * integer, the offsets for codes = levels + shift of formats without other ones.
template <int shift>
[[gnu::always_inline]] inline void store_scales(__m256 scale, float* scales, float* offsets) {
  _mm256_storeu_ps(scales, scale);
  _mm256_storeu_ps(offsets, _mm256_mul_ps(scale, _mm256_set1_ps(static_cast<float>(-shift))));
}
template <int shift>
[[gnu::always_inline]] inline void store_scales(__m256 unit, __m256i integers, float* scales, float* offsets) {
  store_scales<shift>(_mm256_mul_ps(unit, _mm256_cvtepi32_ps(integers)), scales, offsets);
}
/// Sixteen, unit * byte. The product of the unit and the shift is exact too.
template <class L, int shift>
[[gnu::always_inline]] inline void store_sixteen_scales(float unit, __m128i bytes, float* scales, float* offsets) {
  L::multiply_bytes(bytes, unit, scales);
  L::multiply_bytes(bytes, unit * static_cast<float>(-shift), offsets);
}

template <class F>
constexpr bool has_head = std::is_same_v<F, formats::Q4_K> || std::is_same_v<F, formats::Q5_K>;

template <class F, class L, int shift>
requires has_head<F>
struct UnitAffines<F, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const std::uint32_t first = formats::load_u32(b + 4), second = formats::load_u32(b + 8),
                        third = formats::load_u32(b + 12);
    constexpr std::uint32_t six = 0x3F3F3F3Fu, low = 0x0F0F0F0Fu, high = 0x30303030u;
    const __m256i integers = eight_bytes(joined(first & six, (third & low) | (first >> 2 & high)));
    const __m256i mins = eight_bytes(joined(second & six, (third >> 4 & low) | (second >> 2 & high)));
    _mm256_storeu_ps(scales, _mm256_mul_ps(every_f16(b), _mm256_cvtepi32_ps(integers)));
    _mm256_storeu_ps(offsets, _mm256_mul_ps(negative(every_f16(b + 2)), _mm256_cvtepi32_ps(mins)));
  }
};

template <class L, int shift>
struct UnitAffines<formats::Q2_K, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b)), low = _mm_set1_epi8(15);
    L::multiply_bytes(_mm_and_si128(bytes, low), formats::HalfScale::load(b + 80), scales);
    L::multiply_bytes(_mm_and_si128(_mm_srli_epi16(bytes, 4), low), -formats::HalfScale::load(b + 82), offsets);
  }
};

template <class L, int shift>
struct UnitAffines<formats::Q3_K, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const __m128i twice = _mm_set1_epi64x(static_cast<long long>(load_u64(b + 96)));
    const __m128i lows = _mm_unpacklo_epi64(twice, _mm_srli_epi16(twice, 4));
    const __m128i all_highs = _mm_set1_epi32(static_cast<int>(formats::load_u32(b + 104)));
    const __m128i highs = _mm_srlv_epi32(all_highs, _mm_setr_epi32(0, 2, 4, 6));
    const __m128i stored =
        _mm_or_si128(_mm_and_si128(lows, _mm_set1_epi8(15)), _mm_slli_epi16(_mm_and_si128(highs, _mm_set1_epi8(3)), 4));
    store_sixteen_scales<L, shift>(formats::HalfScale::load(b + 108), _mm_sub_epi8(stored, _mm_set1_epi8(32)), scales,
                                   offsets);
  }
};

template <class L, int shift>
struct UnitAffines<formats::Q6_K, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 192));
    store_sixteen_scales<L, shift>(formats::HalfScale::load(b + 208), bytes, scales, offsets);
  }
};

template <class L, int shift>
struct UnitAffines<formats::IQ4_XS, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const __m256i highs = _mm256_set1_epi32(formats::load_u16(b + 2));
    const __m256i high = _mm256_slli_epi32(
        _mm256_and_si256(_mm256_srlv_epi32(highs, _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14)), _mm256_set1_epi32(3)),
        4);
    const __m256i stored = _mm256_or_si256(eight_nibbles(b + 4), high);
    store_scales<shift>(every_f16(b), _mm256_sub_epi32(stored, _mm256_set1_epi32(32)), scales, offsets);
  }
};

/// d * (2 s + 1) * unit
template <class F, int shift>
[[gnu::always_inline]] inline void store_codebook_scales(const std::byte* d, __m256i s, float* scales, float* offsets) {
  const __m256i odd = _mm256_add_epi32(_mm256_add_epi32(s, s), _mm256_set1_epi32(1));
  store_scales<shift>(_mm256_set1_ps(formats::HalfScale::load(d) * F::codebook.unit), odd, scales, offsets);
}
template <class F, class L, int shift>
[[gnu::always_inline]] inline void store_sixteen_codebook_scales(float d, __m128i s, float* scales, float* offsets) {
  const __m128i odd = _mm_add_epi8(_mm_add_epi8(s, s), _mm_set1_epi8(1));
  store_sixteen_scales<L, shift>(d * F::codebook.unit, odd, scales, offsets);
}

/// Sixteen nibbles behind each other.
template <class F>
constexpr int nibbles_at = std::is_same_v<F, formats::IQ2_XS>  ? 66
                           : std::is_same_v<F, formats::IQ2_S> ? 74
                                                               : 0;

template <class F, class L, int shift>
requires(nibbles_at<F> > 0) struct UnitAffines<F, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(b + nibbles_at<F>));
    const __m128i s = _mm_and_si128(_mm_unpacklo_epi8(bytes, _mm_srli_epi16(bytes, 4)), _mm_set1_epi8(15));
    store_sixteen_codebook_scales<F, L, shift>(formats::HalfScale::load(b), s, scales, offsets);
  }
};

template <class L, int shift>
struct UnitAffines<formats::IQ3_S, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    store_codebook_scales<formats::IQ3_S, shift>(b, eight_nibbles(b + 106), scales, offsets);
  }
};

/// The eight words of 32 bits with sign indices of IQ2_XXS and IQ3_XXS.
template <class F>
[[gnu::always_inline]] inline __m256i sign_words(const std::byte* b) {
  const auto* words = reinterpret_cast<const __m256i*>(b + (std::is_same_v<F, formats::IQ3_XXS> ? 66 : 2));
  const __m256i first = _mm256_loadu_si256(words);
  if constexpr (std::is_same_v<F, formats::IQ3_XXS>) return first;
  const __m256 odd =
      _mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(_mm256_loadu_si256(words + 1)), 0xDD);
  return _mm256_permute4x64_epi64(_mm256_castps_si256(odd), 0xD8);
}

template <class F>
constexpr bool has_sign_words = std::is_same_v<F, formats::IQ2_XXS> || std::is_same_v<F, formats::IQ3_XXS>;

template <class F, class L, int shift>
requires has_sign_words<F>
struct UnitAffines<F, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    store_codebook_scales<F, shift>(b, _mm256_srli_epi32(sign_words<F>(b), 28), scales, offsets);
  }
};

template <class L, int shift>
struct UnitAffines<formats::IQ1_S, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 34)));
    const __m256i s = _mm256_and_si256(_mm256_srli_epi32(words, 12), _mm256_set1_epi32(7));
    store_codebook_scales<formats::IQ1_S, shift>(b, s, scales, offsets);
  }
};

template <class L, int shift>
struct UnitAffines<formats::IQ1_M, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const std::uint64_t words = load_u64(b + 48);
    const std::uint64_t d = (words >> 12 & 0xF) | (words >> 24 & 0xF0) | (words >> 36 & 0xF00) | (words >> 48 & 0xF000);
    // Twelve bits of each lane are spread to four bytes.
    const __m128i packed = _mm_cvtepu16_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(b + 48)));
    const __m128i pairs = _mm_and_si128(_mm_or_si128(packed, _mm_slli_epi32(packed, 10)), _mm_set1_epi32(0x003F003F));
    const __m128i s = _mm_and_si128(_mm_or_si128(pairs, _mm_slli_epi32(pairs, 5)), _mm_set1_epi32(0x07070707));
    store_sixteen_codebook_scales<formats::IQ1_M, L, shift>(_cvtsh_ss(static_cast<std::uint16_t>(d)), s, scales,
                                                            offsets);
  }
};

/// Blocks of 32 weights that begin with an f16 scale; some have an f16 offset behind it.
template <class F>
constexpr bool begins_with_scale = [] {
  using namespace formats;
  return (std::is_same_v<F, Q4_0> || std::is_same_v<F, Q5_0> || std::is_same_v<F, Q8_0> || std::is_same_v<F, Q8_1> ||
          std::is_same_v<F, IQ4_NL>);
}();
template <class F>
constexpr bool begins_with_scale_and_offset = std::is_same_v<F, formats::Q4_1> || std::is_same_v<F, formats::Q5_1>;

template <class F, class L, int shift>
requires begins_with_scale<F>
struct UnitAffines<F, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    store_scales<shift>(_mm256_cvtph_ps(L::template eight_words<F::block_bytes>(b)), scales, offsets);
  }
};

template <class F, class L, int shift>
requires begins_with_scale_and_offset<F>
struct UnitAffines<F, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    _mm256_storeu_ps(scales, _mm256_cvtph_ps(L::template eight_words<F::block_bytes>(b)));
    _mm256_storeu_ps(offsets, _mm256_cvtph_ps(L::template eight_words<F::block_bytes, 2>(b)));
  }
};

template <class L, int shift>
struct UnitAffines<formats::MXFP4, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const __m256i words = _mm256_cvtepu16_epi32(L::template eight_words<formats::MXFP4::block_bytes>(b));
    const __m256i e = _mm256_and_si256(words, _mm256_set1_epi32(255));
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    const __m256i is_normal = _mm256_cmpgt_epi32(e, _mm256_set1_epi32(1));
    store_scales<shift>(_mm256_castsi256_ps(_mm256_blendv_epi8(subnormal, normal, is_normal)), scales, offsets);
  }
};

/// UE4M3 as binary16 is 2^-8 of its number, subnormal ones too; half of it is the scale.
template <class L, int shift>
struct UnitAffines<formats::NVFP4, L, 8, shift> {
  [[gnu::always_inline]] static void load(const std::byte* b, float* scales, float* offsets) {
    const auto codes_of = [b](int block) __attribute__((always_inline)) {
      return static_cast<int>(formats::load_u32(b + block * formats::NVFP4::block_bytes));
    };
    const __m128i codes = _mm_setr_epi32(codes_of(0), codes_of(1), codes_of(2), codes_of(3));
    const __m128i used =
        _mm_andnot_si128(_mm_cmpeq_epi8(codes, _mm_set1_epi8(0x7F)), _mm_and_si128(codes, _mm_set1_epi8(0x7F)));
    const __m256i halves = _mm256_slli_epi16(_mm256_cvtepu8_epi16(used), 7);
    L::multiply_halves(halves, 128, scales);
    L::multiply_halves(halves, -128 * shift, offsets);
  }
};

}  // namespace
}  // namespace quantbench
