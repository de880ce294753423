#include "kernels/cpu/isa_kernels.h"

#include <vector>

#include "kernels/cpu/int8_kernels.h"
#include "quantizers/formats/all.h"

namespace quantbench {
namespace {

#if defined(__x86_64__)
const FormatKernels* best_avx512_formats() {
  if (!has_avx512_byte_products()) return format_kernels_avx512();
  static const std::vector<FormatKernels> table = [] {
    std::vector<FormatKernels> all(format_kernels_avx512(), format_kernels_avx512() + formats::All::size);
    for (std::size_t layout = 0; layout < all.size(); ++layout)
      all[layout].decode = decoders_avx512_byte_products()[layout];
    return all;
  }();
  return table.data();
}
#endif

}  // namespace

const IsaKernels& isa_kernels(Isa isa) {
  static const IsaKernels scalar{format_kernels_scalar(), fma_chains_scalar};
  require_isa(isa);
#if defined(__x86_64__)
  // Each table is made inside its branch: the function that makes it is compiled for its instruction set, too.
  if (isa == Isa::avx2) {
    static const IsaKernels avx2{format_kernels_avx2(), fma_chains_avx2};
    return avx2;
  }
  if (isa == Isa::avx512) {
    static const IsaKernels avx512{best_avx512_formats(), fma_chains_avx512};
    return avx512;
  }
#elif defined(__aarch64__)
  if (isa == Isa::neon) {
    static const IsaKernels neon{format_kernels_neon(), fma_chains_neon};
    return neon;
  }
#endif
  return scalar;
}

bool decodes_by_units([[maybe_unused]] const Format& format, [[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  return isa == Isa::avx512 && has_avx512_byte_products() && has_int8_kernels(format);
#else
  return false;
#endif
}

}  // namespace quantbench
