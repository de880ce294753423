#include "core/vector_scalar.h"
#include "kernels/cpu/fma_chains_impl.h"

namespace quantbench {

std::size_t fma_chains_scalar(std::size_t rounds, float* sink) { return fma_chains<VectorScalar>(rounds, sink); }

}  // namespace quantbench
