// Codes of pairs of runs in registers of 512 bits: for each fixed format UnitCodes finds those of 64 weights at once, in a unit of eight
// runs. Bytes are taken apart by shifts that differ between the parts of a register.
#pragma once

#include "kernels/cpu/int8_kernels_impl.h"
#include "kernels/cpu/int8_lanes_avx512.h"

namespace quantbench {
namespace {

[[gnu::always_inline]] inline __m512i every_byte(int n) { return _mm512_set1_epi8(static_cast<char>(n)); }

/// Bit by bit: first where the mask is set, second elsewhere.
[[gnu::always_inline]] inline __m512i select_bits(int mask, __m512i first, __m512i second) {
  return _mm512_ternarylogic_epi32(every_byte(mask), first, second, 0xCA);
}

/// 32 bytes for both runs of a pair.
[[gnu::always_inline]] inline __m512i twice(const std::byte* p) {
  return _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
[[gnu::always_inline]] inline __m512i load64(const std::byte* p) { return _mm512_loadu_si512(p); }

/// Eight bits from bit `first` of each byte on for the first run, from bit `second` on for the second one; those below 0 or above 7
/// are a neighbour's.
template <int first, int second>
[[gnu::always_inline]] inline __m512i bits_from(__m512i bytes) {
  static constexpr Bytes64 positions =
      bytes64([](int i) { return (8 * (i % 8) + (i < 32 ? first : second) + 64) % 64; });
  return _mm512_multishift_epi64_epi8(positions, bytes);
}
/// The same of 16-bit words, for shifts that lose nothing: not on the one port of permutations.
template <int first, int second>
[[gnu::always_inline]] inline __m512i shifted_right(__m512i bytes) {
  static constexpr Bytes64 shifts = bytes64([](int i) { return i % 2 == 1 ? 0 : i < 32 ? first : second; });
  return _mm512_srlv_epi16(bytes, shifts);
}

/// Planes of k_quant.h. Codes of two bits of runs 2 pair and 2 pair + 1; what is above them has to be dropped.
template <int pair>
[[gnu::always_inline]] inline __m512i plane_crumbs(const std::byte* planes) {
  return shifted_right<pair % 2 * 4, pair % 2 * 4 + 2>(twice(planes + pair / 2 * 32));
}
template <int pair>
[[gnu::always_inline]] inline __m512i plane_nibbles(const std::byte* planes) {
  return shifted_right<0, 4>(twice(planes + pair * 32));
}

/// Sixteen bytes with 32 nibbles of each run, twice behind each other.
[[gnu::always_inline]] inline __m512i doubled_runs(const std::byte* first, const std::byte* second) {
  const __m512i low = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(first)));
  const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(second));
  return _mm512_mask_broadcast_i32x4(low, 0xFF00, high);
}

/// Runs of 16 bytes with 32 nibbles each, in the GGUF order; the upper halves of the bytes have to be dropped.
[[gnu::always_inline]] inline __m512i nibbles_of_runs(const std::byte* first, const std::byte* second) {
  static constexpr Bytes64 shifts = bytes64([](int i) { return i % 2 == 0 ? i / 16 % 2 * 4 : 0; });
  return _mm512_srlv_epi16(doubled_runs(first, second), shifts);
}
/// Which of the sixteen sums of a pair are sixteen times what they stand for: upper halves of bytes may stay where they are, and the
/// scale of these sums pays for it.
enum class HighHalves {
  shifted,        // none
  ends_of_runs,   // the GGUF order: weights 16 to 31 of each run
  of_second_run,  // the planes of k_quant.h
};
template <class Unit>
constexpr HighHalves high_halves = [] {
  if constexpr (requires { Unit::high_halves; })
    return Unit::high_halves;
  else
    return HighHalves::shifted;
}();
constexpr bool is_sixteenfold(HighHalves halves, int sum) {
  return halves == HighHalves::of_second_run ? sum >= 8 : halves == HighHalves::ends_of_runs && sum / 4 % 2 == 1;
}
/// Of bytes of two codes each, those that belong to the sums.
template <HighHalves halves>
[[gnu::always_inline]] inline __m512i own_halves(__m512i bytes) {
  static constexpr Bytes64 masks = bytes64([](int i) { return is_sixteenfold(halves, i / 4) ? 0xF0 : 0x0F; });
  return _mm512_and_si512(bytes, masks);
}
/// Runs of 8 bytes with 32 codes of two bits; the upper six bits have to be dropped.
[[gnu::always_inline]] inline __m512i crumbs_of_runs(const std::byte* first, const std::byte* second) {
  const __m512i shifts = _mm512_setr_epi64(0, 2, 4, 6, 0, 2, 4, 6);
  std::int64_t low, high;
  __builtin_memcpy(&low, first, sizeof low);
  __builtin_memcpy(&high, second, sizeof high);
  return _mm512_srlv_epi64(_mm512_mask_set1_epi64(_mm512_set1_epi64(low), 0xF0, high), shifts);
}
/// Runs of 32 bytes.
[[gnu::always_inline]] inline __m512i bytes_of_runs(const std::byte* first, const std::byte* second) {
  const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first));
  const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(second));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
/// Runs of 4 bytes with 32 bits.
[[gnu::always_inline]] inline __mmask64 bits_of_runs(const std::byte* first, const std::byte* second) {
  return formats::load_u32(first) | static_cast<std::uint64_t>(formats::load_u32(second)) << 32;
}
[[gnu::always_inline]] inline __mmask64 load_mask(const std::byte* p) {
  std::uint64_t mask;
  __builtin_memcpy(&mask, p, sizeof mask);
  return mask;
}

/// values[code] + shift; only the lower four bits of `codes` are read.
template <const std::int8_t (&values)[16], int shift>
[[gnu::always_inline]] inline __m512i look_up(__m512i codes) {
  static constexpr Bytes64 table = bytes64([](int i) { return values[i % 16] + shift; });
  return _mm512_permutexvar_epi8(codes, table);
}

/// Of a unit: pair<k>() gives the codes level - level_min of runs 2 k and 2 k + 1. Codebooks with signs apart also have negative<k>().
/// This one serves formats that are not specialised.
template <class F>
struct UnitCodes {
  const std::byte* b;

  template <int run>
  [[gnu::always_inline]] __m256i one() const {
    return Int8LanesAvx512::codes_of<F, -F::level_min>(b + run * 32 / F::block * F::block_bytes, run * 32 % F::block);
  }
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return _mm512_inserti64x4(_mm512_castsi256_si512(one<2 * k>()), one<2 * k + 1>(), 1);
  }
};

template <>
struct UnitCodes<formats::Q2_K> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return _mm512_and_si512(plane_crumbs<k>(b + 16), every_byte(3));
  }
};

template <>
struct UnitCodes<formats::TQ2_0> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return _mm512_and_si512(plane_crumbs<k>(b), every_byte(3));
  }
};

template <>
struct UnitCodes<formats::Q3_K> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const __m512i third = bits_from<2 * k - 2, 2 * k - 1>(twice(b));
    return _mm512_and_si512(select_bits(3, plane_crumbs<k>(b + 32), third), every_byte(7));
  }
};

template <>
struct UnitCodes<formats::Q4_K> {
  static constexpr HighHalves high_halves = HighHalves::of_second_run;
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return own_halves<high_halves>(twice(b + 16 + k * 32));
  }
};

template <>
struct UnitCodes<formats::Q5_K> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const __m512i fifth = bits_from<2 * k - 4, 2 * k - 3>(twice(b + 16));
    return _mm512_and_si512(select_bits(15, plane_nibbles<k>(b + 48), fifth), every_byte(31));
  }
};

template <>
struct UnitCodes<formats::Q6_K> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const __m512i low = load64(b + k / 2 * 64);
    const __m512i high = bits_from<k % 2 * 4 - 4, k % 2 * 4 - 2>(twice(b + 128 + k / 2 * 32));
    return _mm512_and_si512(select_bits(15, k % 2 == 0 ? low : _mm512_srli_epi16(low, 4), high), every_byte(63));
  }
};

template <>
struct UnitCodes<formats::Q8_K> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return _mm512_xor_si512(load64(b + 4 + 64 * k), every_byte(0x80));
  }
};

template <>
struct UnitCodes<formats::IQ4_XS> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return look_up<formats::iq4_values, 127>(nibbles_of_runs(b + 8 + 32 * k, b + 24 + 32 * k));
  }
};

/// Blocks of 32 weights with nibbles, some with fifth bits.
template <class F>
struct NibbleBlocks {
  static constexpr int nibbles_at = -1, fifth_bits_at = -1;
};
template <>
struct NibbleBlocks<formats::Q4_0> {
  static constexpr int nibbles_at = 2, fifth_bits_at = -1;
};
template <>
struct NibbleBlocks<formats::Q4_1> {
  static constexpr int nibbles_at = 4, fifth_bits_at = -1;
};
template <>
struct NibbleBlocks<formats::Q5_0> {
  static constexpr int nibbles_at = 6, fifth_bits_at = 2;
};
template <>
struct NibbleBlocks<formats::Q5_1> {
  static constexpr int nibbles_at = 8, fifth_bits_at = 4;
};
template <>
struct NibbleBlocks<formats::IQ4_NL> {
  static constexpr int nibbles_at = 2, fifth_bits_at = -1;
};
template <>
struct NibbleBlocks<formats::MXFP4> {
  static constexpr int nibbles_at = 1, fifth_bits_at = -1;
};

template <class F>
requires(NibbleBlocks<F>::nibbles_at > 0) struct UnitCodes<F> {
  using Layout = NibbleBlocks<F>;
  static constexpr bool as_they_are = std::is_same_v<F, formats::Q4_0> || std::is_same_v<F, formats::Q4_1>;
  static constexpr HighHalves high_halves = as_they_are ? HighHalves::ends_of_runs : HighHalves::shifted;
  const std::byte* b;

  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const std::byte *first = b + 2 * k * F::block_bytes, *second = first + F::block_bytes;
    if constexpr (as_they_are)
      return own_halves<high_halves>(doubled_runs(first + Layout::nibbles_at, second + Layout::nibbles_at));
    const __m512i bytes = nibbles_of_runs(first + Layout::nibbles_at, second + Layout::nibbles_at);
    if constexpr (std::is_same_v<F, formats::IQ4_NL>) return look_up<formats::iq4_values, 127>(bytes);
    if constexpr (std::is_same_v<F, formats::MXFP4>) return look_up<formats::e2m1_doubled, 12>(bytes);
    const __m512i codes = _mm512_and_si512(bytes, every_byte(15));
    const __mmask64 fifth = bits_of_runs(first + Layout::fifth_bits_at, second + Layout::fifth_bits_at);
    return _mm512_mask_add_epi8(codes, fifth, codes, every_byte(16));
  }
};

template <class F>
requires(std::is_same_v<F, formats::Q8_0> || std::is_same_v<F, formats::Q8_1>) struct UnitCodes<F> {
  static constexpr int levels_at = F::block_bytes - 32;
  const std::byte* b;

  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const std::byte* first = b + 2 * k * F::block_bytes + levels_at;
    return _mm512_xor_si512(bytes_of_runs(first, first + F::block_bytes), every_byte(0x80));
  }
};

/// Eight bytes hold sixteen weights: first all low halves, then the high ones.
template <>
struct UnitCodes<formats::NVFP4> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    const auto* bytes = reinterpret_cast<const __m256i*>(b + k * formats::NVFP4::block_bytes + 4);
    const __m512i doubled = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3),
                                                     _mm512_castsi256_si512(_mm256_loadu_si256(bytes)));
    return look_up<formats::e2m1_doubled, 12>(_mm512_srlv_epi64(doubled, _mm512_setr_epi64(0, 4, 0, 4, 0, 4, 0, 4)));
  }
};

template <>
struct UnitCodes<formats::Q1_0> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    return _mm512_maskz_mov_epi8(load_mask(b + k / 2 * formats::Q1_0::block_bytes + 2 + k % 2 * 8), every_byte(2));
  }
};

template <>
struct UnitCodes<formats::Q2_0> {
  const std::byte* b;
  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    static constexpr Bytes64 positions = bytes64([](int i) { return i % 8 * 2; });
    const auto* bytes = reinterpret_cast<const __m128i*>(b + k * formats::Q2_0::block_bytes + 2);
    const __m512i words = _mm512_cvtepu16_epi64(_mm_loadu_si128(bytes));
    return _mm512_and_si512(_mm512_multishift_epi64_epi8(positions, words), every_byte(3));
  }
};

/// The byte of each weight and 3^trit as in tq1_0.h. There are no products of bytes, so even and odd ones are multiplied as fractions
/// of 16 bits.
template <>
struct UnitCodes<formats::TQ1_0> {
  __m512i bytes;
  [[gnu::always_inline]] explicit UnitCodes(const std::byte* b) : bytes(_mm512_maskz_loadu_epi8((1ull << 52) - 1, b)) {}

  template <int k>
  [[gnu::always_inline]] __m512i pair() const {
    static constexpr Bytes64 positions = bytes64([](int i) {
      const int run = 2 * k + i / 32, weight = i % 32;
      if (run < 5) return weight;
      return 32 + (run == 7 && weight >= 16 ? 4 : 0) + formats::tq1_0_positions[run == 7][weight];
    });
    static constexpr Bytes64 even_powers =
        bytes64([](int i) { return i % 2 == 1 ? formats::tq1_0_powers[2 * k + i / 32][i % 32] : 0; });
    static constexpr Bytes64 odd_powers =
        bytes64([](int i) { return i % 2 == 0 ? formats::tq1_0_powers[2 * k + i / 32][i % 32] : 0; });
    const __m512i of_weights = _mm512_permutexvar_epi8(positions, bytes), three = _mm512_set1_epi16(3);
    const __m512i odd_bytes = _mm512_maskz_mov_epi8(0xAAAAAAAAAAAAAAAAull, of_weights);
    const __m512i even = _mm512_mulhi_epu16(_mm512_mullo_epi16(of_weights, even_powers), three);
    const __m512i odd = _mm512_mulhi_epu16(_mm512_mullo_epi16(odd_bytes, odd_powers), three);
    return _mm512_or_si512(even, _mm512_slli_epi16(odd, 8));
  }
};

/// Two whole runs of grouped_codes.h.
template <class F>
[[gnu::always_inline]] inline __m512i codes_of_runs(const std::byte* first, const std::byte* second) {
  constexpr int bits = F::bits, crumbs_at = bits & 4 ? 16 : 0, bits_at = crumbs_at + (bits & 2 ? 8 : 0);
  if constexpr (bits == 8) {
    return _mm512_xor_si512(bytes_of_runs(first, second), every_byte(0x80));
  } else {
    __m512i codes = _mm512_setzero_si512();
    if constexpr ((bits & 4) != 0) codes = _mm512_and_si512(nibbles_of_runs(first, second), every_byte(15));
    if constexpr ((bits & 2) != 0) {
      const __m512i crumbs = _mm512_and_si512(crumbs_of_runs(first + crumbs_at, second + crumbs_at), every_byte(3));
      codes = (bits & 4) != 0 ? _mm512_or_si512(codes, _mm512_slli_epi16(crumbs, 4)) : crumbs;
    }
    if constexpr ((bits & 1) != 0)
      codes = _mm512_mask_add_epi8(codes, bits_of_runs(first + bits_at, second + bits_at), codes,
                                   every_byte(1 << (bits - 1)));
    return codes;
  }
}

}  // namespace
}  // namespace quantbench
