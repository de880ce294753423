#include "core/vector_avx512.h"
#include "kernels/cpu/fma_chains_impl.h"

namespace quantbench {

std::size_t fma_chains_avx512(std::size_t rounds, float* sink) { return fma_chains<VectorAvx512>(rounds, sink); }

}  // namespace quantbench
