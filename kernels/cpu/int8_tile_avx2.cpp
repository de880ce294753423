// Products of bytes are added in pairs to 16 bits, which only codes of seven bits cannot overflow. Wider codes are shifted to
// signed ones, and the activation takes the sign: at most 2 * 128 * 127 < 2^15.
#include "core/vector_avx2.h"
#include "kernels/cpu/int8_tile_impl.h"

namespace quantbench {
namespace {

template <bool is_signed>
struct Int8TileAvx2 {
  using V = VectorAvx2;
  using Sums = __m256i;
  static constexpr std::size_t vectors = 2, rows = 3;
  static constexpr bool bits_are_floats = true;

  static __m256 load_words(const void* from) { return _mm256_loadu_ps(static_cast<const float*>(from)); }
  static void store_words(void* to, __m256 words) { _mm256_storeu_ps(static_cast<float*>(to), words); }
  static __m256 subtract(__m256 words, int shift) {
    return _mm256_castsi256_ps(_mm256_sub_epi8(_mm256_castps_si256(words), _mm256_set1_epi8(static_cast<char>(shift))));
  }
  static Sums start(const std::int32_t* sum) { return _mm256_set1_epi32(*sum); }
  static __m256i broadcast(const std::int8_t* x) {
    std::int32_t four;
    __builtin_memcpy(&four, x, sizeof four);
    return _mm256_set1_epi32(four);
  }
  static void add_products(Sums& sums, __m256 code_words, __m256i x) {
    const __m256i codes = _mm256_castps_si256(code_words);
    const __m256i pairs = is_signed ? _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes))
                                    : _mm256_maddubs_epi16(codes, x);
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static __m256 floats(Sums sums) { return _mm256_castsi256_ps(sums); }
};

}  // namespace

Int8TileKernel int8_tile_avx2(const CodeTraits& traits) {
  return traits.largest_code <= 127 ? tile_kernel<Int8TileAvx2<false>>(traits, 0)
                                    : tile_kernel<Int8TileAvx2<true>>(traits, 128);
}

}  // namespace quantbench
