#include "kernels/cpu/int8_product.h"

#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/packed_rows.h"

namespace quantbench {

void matvec_int8(const PackedProduct& product, int threads, Isa isa) {
  const Tensor& weights = *product.weights;
  const Int8Kernels& kernels = int8_kernels(*weights.format, isa);
  const Int8Activations x = round_activations(product.x, product.batch, weights.cols, product.x_stride, threads);
  multiply_rows(product, threads, kernels, [&](std::size_t first) { return Int8Vectors(x, first); });
}

}  // namespace quantbench
