// Dense f32 matrix product, the one the forward pass is made of.
//
// Each output is one chain of fused multiply-adds over k in ascending (or, on request, descending) order, starting from
// zero. So a result does not depend on the instruction set, the thread count or how many rows are in the batch: all
// variants are bit-equal, and the scalar reference is the definition.
#pragma once

#include <cstddef>

#include "core/isa.h"

namespace quantbench {

enum class SumOrder { ascending, descending };

struct MatmulF32 {
  const float* a = nullptr;  // (m, k), row stride a_stride
  std::size_t a_stride = 0;
  const float* b = nullptr;  // (n, k), row stride b_stride: output column j is the dot product with row j of b
  std::size_t b_stride = 0;
  float* c = nullptr;  // (m, n), row stride c_stride; overwritten
  std::size_t c_stride = 0;
  std::size_t m = 0, n = 0, k = 0;
  SumOrder order = SumOrder::ascending;
};

/// c = a b'. Threads share the work by output tiles.
void matmul_f32(const MatmulF32& product, int threads, Isa isa = best_isa());

}  // namespace quantbench
