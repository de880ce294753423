#include "kernels/cpu/unit_decode_avx512.h"

namespace quantbench {
namespace {

struct FloatOutput {
  using Number = float;
  float* to;

  [[gnu::always_inline]] void run(int k, __m512 low, __m512 high) const {
    _mm512_storeu_ps(to + 32 * k, low);
    _mm512_storeu_ps(to + 32 * k + 16, high);
  }
  template <class>
  static void decode_part(const RowRange& row, float* out) {
    format_kernels_avx512()[row.format->layout].decode(row, out);
  }
};

}  // namespace

const DecodeWeights* decoders_avx512_byte_products() { return row_decoder_table<FloatOutput>(formats::All{}); }

}  // namespace quantbench
