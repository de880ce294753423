#include "kernels/cpu/fma_chains_impl.h"
#include "kernels/cpu/vector_avx2.h"

namespace quantbench {

std::size_t fma_chains_avx2(std::size_t rounds, float* sink) { return fma_chains<VectorAvx2>(rounds, sink); }

}  // namespace quantbench
