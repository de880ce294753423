#include <immintrin.h>

#include "kernels/cpu/int8_chains_impl.h"

namespace quantbench {
namespace {

struct ChainsAvx512 {
  using Register = __m512i;
  static constexpr std::size_t bytes = 64;
  static Register broadcast(signed char value) { return _mm512_set1_epi8(value); }
  static void add_products(Register& sums, Register codes, Register x) { sums = _mm512_dpbusd_epi32(sums, codes, x); }
  static std::int32_t first(Register sums) { return _mm512_cvtsi512_si32(sums); }
};

}  // namespace

std::size_t int8_chains_avx512(std::size_t rounds, std::int32_t* sink) {
  return run_int8_chains<ChainsAvx512>(rounds, sink);
}

}  // namespace quantbench
