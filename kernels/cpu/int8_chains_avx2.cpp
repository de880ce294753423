#include <immintrin.h>

#include "kernels/cpu/int8_chains_impl.h"

namespace quantbench {
namespace {

struct ChainsAvx2 {
  using Register = __m256i;
  static constexpr std::size_t bytes = 32;
  static Register broadcast(signed char value) { return _mm256_set1_epi8(value); }
  static void add_products(Register& sums, Register codes, Register x) {
    __asm__("" : "+x"(x), "+x"(sums));  // or the products would be computed once for all rounds
    const Register pairs = _mm256_maddubs_epi16(codes, x);
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static std::int32_t first(Register sums) { return _mm256_cvtsi256_si32(sums); }
};

}  // namespace

std::size_t int8_chains_avx2(std::size_t rounds, std::int32_t* sink) {
  return run_int8_chains<ChainsAvx2>(rounds, sink);
}

}  // namespace quantbench
