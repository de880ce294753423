// Products of packed weights with f32 activations: y = x w'. Two kernels of the same product, for few and for many rows
// of x.
//
// matvec  reads each packed row once and multiplies it, as it is decoded, by up to four rows of x: the memory traffic
//         is that of the packed weights. Each output has |error| <= 2^-24 (cols + 2) sum |w x|; the summation order
//         depends on the instruction set, but not on threads or batch.
// matmul  decodes panels of weights into the cache and multiplies them with the tiles of matmul_f32: bit-equal with
//         decoding all weights and calling matmul_f32, on every instruction set and for any batch and thread count.
#pragma once

#include <cstddef>

#include "core/isa.h"
#include "core/matmul/matmul_f32.h"
#include "core/tensor.h"

namespace quantbench {

struct PackedProduct {
  const Tensor* weights = nullptr;  // (rows, cols)
  const float* x = nullptr;         // (batch, cols), row stride x_stride
  std::size_t x_stride = 0;
  float* y = nullptr;  // (batch, rows), row stride y_stride; overwritten
  std::size_t y_stride = 0;
  std::size_t batch = 0;
};

/// Meant for batches of 1 to 8; larger ones are right, but read the weights again for every four rows.
void matvec(const PackedProduct& product, int threads, Isa isa = best_isa());

void matmul(const PackedProduct& product, int threads, Isa isa = best_isa(), SumOrder order = SumOrder::ascending);

}  // namespace quantbench
