#include "quantizers/solvers/search/group_kernels.h"

#include <algorithm>

#include "core/error.h"

namespace quantbench::search {

const GroupKernels& group_kernels(Isa isa) {
  const auto& isas = available_isas();
  if (std::find(isas.begin(), isas.end(), isa) == isas.end())
    fail("this machine cannot run {} encoders", to_string(isa));
#if defined(__x86_64__)
  if (isa == Isa::avx2) return group_kernels_avx2();
  if (isa == Isa::avx512) return group_kernels_avx512();
#endif
  return group_kernels_scalar();
}

}  // namespace quantbench::search
