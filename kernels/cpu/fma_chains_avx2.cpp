#include "core/vector_avx2.h"
#include "kernels/cpu/fma_chains_impl.h"

namespace quantbench {

std::size_t fma_chains_avx2(std::size_t rounds, float* sink) { return fma_chains<VectorAvx2>(rounds, sink); }

}  // namespace quantbench
