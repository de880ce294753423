#include "kernels/cpu/isa_kernels.h"

#include <algorithm>

#include "core/error.h"

namespace quantbench {

const IsaKernels& isa_kernels(Isa isa) {
  static const IsaKernels scalar{compute_tile_scalar, format_kernels_scalar(), fma_chains_scalar};
  const auto& isas = available_isas();
  if (std::find(isas.begin(), isas.end(), isa) == isas.end())
    fail("this machine cannot run {} kernels", to_string(isa));
#if defined(__x86_64__)
  static const IsaKernels avx2{compute_tile_avx2, format_kernels_avx2(), fma_chains_avx2};
  if (isa == Isa::avx2) return avx2;
  if (isa == Isa::avx512) {
    static const IsaKernels avx512{compute_tile_avx512, format_kernels_avx512(), fma_chains_avx512};
    return avx512;
  }
#endif
  return scalar;
}

}  // namespace quantbench
