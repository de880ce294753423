#include "kernels/cpu/bf16_tile.h"
#include "kernels/cpu/format_kernels_impl.h"
#include "kernels/cpu/lanes_avx512.h"
#include "kernels/cpu/unit_decode_avx512.h"

namespace quantbench {
namespace {

[[gnu::always_inline]] inline void store_rounded(__m512 low, __m512 high, std::uint16_t* out) {
  _mm512_storeu_si512(out, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
}

/// For visit_row.
struct RoundVisit {
  std::uint16_t* out;

  [[gnu::always_inline]] void run(std::size_t at, LanesAvx512::Floats weights) {
    store_rounded(weights.values[0], weights.values[1], out + at);
  }
  [[gnu::always_inline]] void one(std::size_t at, float weight) {
    const auto rounded = reinterpret_cast<__m128i>(_mm_cvtneps_pbh(_mm_set_ss(weight)));
    out[at] = static_cast<std::uint16_t>(_mm_cvtsi128_si32(rounded));
  }
};

struct Bf16Output {
  using Number = std::uint16_t;
  std::uint16_t* to;

  [[gnu::always_inline]] void run(int k, __m512 low, __m512 high) const { store_rounded(low, high, to + 32 * k); }

  template <class F>
  static void decode_part(const RowRange& row, std::uint16_t* out) {
    if constexpr (std::is_same_v<F, formats::BF16>) {
      __builtin_memcpy(out, row.bytes.row + row.begin * sizeof *out, row.count * sizeof *out);
    } else {
      RoundVisit visit{out};
      visit_row<F, LanesAvx512>(row, visit);
    }
  }
};

}  // namespace

const DecodeToBf16* bf16_decoders_avx512() { return row_decoder_table<Bf16Output>(formats::All{}); }

}  // namespace quantbench
