// Lanes of 32 weights in AVX2 registers: levels are 32 bytes, floats four vectors of eight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/vector_avx2.h"
#include "quantizers/formats/lanes.h"

namespace quantbench {
namespace {

/// The integer operations; AVX-512 shares them, since a run of 32 bytes is one register of 256 bits there as well.
struct ByteLanesAvx2 {
  static constexpr int width = 32;
  using Levels = __m256i;

  static Levels signed_bytes(const std::byte* p, int i) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i));
  }
  static Levels unsigned_bytes(const std::byte* p, int i) { return signed_bytes(p, i); }
  static Levels nibbles(const std::byte* p, int i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + i));
    return bit_and(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes), 15);
  }
  static Levels crumbs(const std::byte* p, int i) {
    std::int64_t bytes;
    std::memcpy(&bytes, p + i, sizeof bytes);
    return bit_and(_mm256_srlv_epi64(_mm256_set1_epi64x(bytes), _mm256_setr_epi64x(0, 2, 4, 6)), 3);
  }
  static Levels bits(const std::byte* p, int i) {
    std::uint32_t word;
    std::memcpy(&word, p + i, sizeof word);
    return bit_and(bit_mask(word), 1);
  }

  static Levels picked_bytes(const std::byte* p, const std::byte* q, const std::uint8_t* positions, int i) {
    const __m256i bytes = _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(q)),
                                           _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm256_shuffle_epi8(bytes, constants(positions, i));
  }
  static Levels constants(const std::uint8_t* table, int i) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(table + i));
  }

  static Levels add(Levels a, Levels b) { return _mm256_add_epi8(a, b); }
  static Levels add(Levels a, int n) { return _mm256_add_epi8(a, every_byte(n)); }
  static Levels subtract(Levels a, int n) { return _mm256_sub_epi8(a, every_byte(n)); }
  static Levels bit_or(Levels a, Levels b) { return _mm256_or_si256(a, b); }
  static Levels bit_and(Levels a, int n) { return _mm256_and_si256(a, every_byte(n)); }
  // There are no shifts of bytes: shift 16-bit pairs and drop what came in from the neighbour.
  static Levels shift_left(Levels a, int n) { return bit_and(_mm256_slli_epi16(a, n), 0xFF << n); }
  static Levels shift_right(Levels a, int n) { return bit_and(_mm256_srli_epi16(a, n), 0xFF >> n); }
  // There are no products of bytes: multiply the even and the odd ones as 16-bit numbers.
  static Levels multiply(Levels a, Levels b) {
    const __m256i even = _mm256_mullo_epi16(a, b);
    const __m256i odd = _mm256_mullo_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
    return _mm256_or_si256(_mm256_and_si256(even, _mm256_set1_epi16(0xFF)), _mm256_slli_epi16(odd, 8));
  }
  static Levels multiply_high(Levels a, int n) {
    const __m256i factor = _mm256_set1_epi16(static_cast<short>(n));
    const __m256i even = _mm256_mullo_epi16(_mm256_and_si256(a, _mm256_set1_epi16(0xFF)), factor);
    const __m256i odd = _mm256_mullo_epi16(_mm256_srli_epi16(a, 8), factor);
    return _mm256_blendv_epi8(_mm256_srli_epi16(even, 8), odd, _mm256_set1_epi16(static_cast<short>(0xFF00)));
  }
  static Levels lookup(const std::int8_t* table, Levels a) {
    const __m128i entries = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), a);
  }

  /// The binary16 of sixteen E4M3 over 2^8, and of sixteen E5M2: lanes.h.
  static __m256i halves_of_e4m3(__m128i bytes) {
    const __m256i wide = _mm256_cvtepu8_epi16(bytes);
    const __m256i magnitude = _mm256_and_si256(wide, _mm256_set1_epi16(0x7F));
    const __m256i sign = _mm256_slli_epi16(_mm256_sub_epi16(wide, magnitude), 8);
    const __m256i is_nan = _mm256_cmpeq_epi16(magnitude, _mm256_set1_epi16(0x7F));
    return _mm256_or_si256(_mm256_or_si256(sign, _mm256_slli_epi16(magnitude, 7)),
                           _mm256_and_si256(is_nan, _mm256_set1_epi16(0x7C00)));
  }
  static __m256i halves_of_e5m2(__m128i bytes) { return _mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), 8); }

  template <class IndexOf>
  [[gnu::always_inline]] static Levels octets(const std::int8_t* table, int i, const IndexOf& index_of) {
    const auto run = [&](int k) __attribute__((always_inline)) {
      std::int64_t entries;
      std::memcpy(&entries, table + 8 * index_of(i / 8 + k), sizeof entries);
      return entries;
    };
    return _mm256_setr_epi64x(run(0), run(1), run(2), run(3));
  }
  template <class IndexOf>
  [[gnu::always_inline]] static Levels quads(const std::int8_t* table, int i, const IndexOf& index_of) {
    const auto run = [&](int k) __attribute__((always_inline)) {
      std::int32_t entries;
      std::memcpy(&entries, table + 4 * index_of(i / 4 + k), sizeof entries);
      return entries;
    };
    return _mm256_setr_epi32(run(0), run(1), run(2), run(3), run(4), run(5), run(6), run(7));
  }
  static Levels negate_where(Levels a, std::uint32_t word, int) {
    const __m256i negative = bit_mask(word);
    return _mm256_sub_epi8(_mm256_xor_si256(a, negative), negative);
  }

 private:
  /// All bits of byte k are bit k of the word.
  static Levels bit_mask(std::uint32_t word) {
    const __m256i byte_of_lane = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of_lane = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
    const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(word)), byte_of_lane);
    return _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit_of_lane), bit_of_lane);
  }
  static Levels every_byte(int n) { return _mm256_set1_epi8(static_cast<char>(n)); }
};

struct LanesAvx2 : ByteLanesAvx2 {
  using Vector = VectorAvx2;
  static constexpr std::size_t parts = 4;
  /// Two for each of four vectors, the weights, a scale and an offset fit 16 registers; one would wait for itself.
  static constexpr std::size_t sums_per_row = 2;
  struct Floats {
    __m256 values[parts];
  };
  static __m256& part(Floats& floats, std::size_t index) { return floats.values[index]; }

  static Floats to_floats(Levels levels) {
    const __m128i low = _mm256_castsi256_si128(levels), high = _mm256_extracti128_si256(levels, 1);
    return {widen(low), widen(_mm_srli_si128(low, 8)), widen(high), widen(_mm_srli_si128(high, 8))};
  }

  static Floats float_lookup(const float* table, Levels a) {
    const __m256 low = _mm256_loadu_ps(table), high = _mm256_loadu_ps(table + 8);
    const auto eight = [&](__m128i bytes) __attribute__((always_inline)) {
      const __m256i index = _mm256_cvtepu8_epi32(bytes);
      const __m256 is_high = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
      return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index), _mm256_permutevar8x32_ps(high, index), is_high);
    };
    const __m128i first = _mm256_castsi256_si128(a), last = _mm256_extracti128_si256(a, 1);
    return {eight(first), eight(_mm_srli_si128(first, 8)), eight(last), eight(_mm_srli_si128(last, 8))};
  }
  static Floats e4m3(Levels a) {
    Floats floats =
        widen_halves(halves_of_e4m3(_mm256_castsi256_si128(a)), halves_of_e4m3(_mm256_extracti128_si256(a, 1)));
    for (__m256& values : floats.values) values = _mm256_mul_ps(values, _mm256_set1_ps(256));
    return floats;
  }
  static Floats e5m2(Levels a) {
    return widen_halves(halves_of_e5m2(_mm256_castsi256_si128(a)), halves_of_e5m2(_mm256_extracti128_si256(a, 1)));
  }

  static Floats f32(const std::byte* p) {
    const auto* from = reinterpret_cast<const float*>(p);
    return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8), _mm256_loadu_ps(from + 16), _mm256_loadu_ps(from + 24)};
  }
  static Floats f16(const std::byte* p) {
    return {_mm256_cvtph_ps(eight_halves(p)), _mm256_cvtph_ps(eight_halves(p + 16)),
            _mm256_cvtph_ps(eight_halves(p + 32)), _mm256_cvtph_ps(eight_halves(p + 48))};
  }
  static Floats bf16(const std::byte* p) {
    return {widen_bf16(p), widen_bf16(p + 16), widen_bf16(p + 32), widen_bf16(p + 48)};
  }

 private:
  static __m256 widen(__m128i bytes) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)); }
  static Floats widen_halves(__m256i first, __m256i last) {
    return {_mm256_cvtph_ps(_mm256_castsi256_si128(first)), _mm256_cvtph_ps(_mm256_extracti128_si256(first, 1)),
            _mm256_cvtph_ps(_mm256_castsi256_si128(last)), _mm256_cvtph_ps(_mm256_extracti128_si256(last, 1))};
  }
  static __m128i eight_halves(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  static __m256 widen_bf16(const std::byte* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight_halves(p)), 16));
  }
};

static_assert(formats::Lanes<LanesAvx2>);

}  // namespace
}  // namespace quantbench
