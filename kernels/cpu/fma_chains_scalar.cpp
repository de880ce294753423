#include "kernels/cpu/fma_chains_impl.h"
#include "kernels/cpu/vector_scalar.h"

namespace quantbench {

std::size_t fma_chains_scalar(std::size_t rounds, float* sink) { return fma_chains<VectorScalar>(rounds, sink); }

}  // namespace quantbench
