#include "core/vector_neon.h"
#include "kernels/cpu/fma_chains_impl.h"

namespace quantbench {

std::size_t fma_chains_neon(std::size_t rounds, float* sink) { return fma_chains<VectorNeon>(rounds, sink); }

}  // namespace quantbench
