#include "models/architectures/blocks/linear.h"

#include <cstdint>

#include "core/error.h"
#include "kernels/cpu/bf16_product.h"
#include "kernels/cpu/int8_kernels.h"
#include "kernels/cpu/int8_product.h"
#include "kernels/cpu/packed_product.h"

namespace quantbench {
namespace {

/// The tensor's own bytes when they are f32 numbers in memory; else null.
const float* in_place(const Tensor& weight) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(weight.bytes.data()) % alignof(float) == 0;
  return weight.format->id == "f32" && aligned ? reinterpret_cast<const float*>(weight.bytes.data()) : nullptr;
}

}  // namespace

void linear(MatrixView input, const Tensor& weight, const Execution& execution, std::span<float> output) {
  if (input.cols != weight.cols || output.size() != input.rows * weight.rows)
    fail("tensor {} ({} x {}) does not fit an input of {} columns and {} outputs", weight.name, weight.rows,
         weight.cols, input.cols, output.size());
  if (output.empty()) return;
  if (execution.products != nullptr) return execution.products->multiply(input, weight, output);
  if (!is_loaded(weight)) return linear(input, loaded(weight), execution, output);
  const PackedProduct product{.weights = &weight,
                              .x = input.values.data(),
                              .x_stride = input.cols,
                              .y = output.data(),
                              .y_stride = weight.rows,
                              .batch = input.rows};
  if (execution.compute == Compute::bf16) {
    matmul_bf16(product, execution.threads);
    return;
  }
  if (const float* const values = in_place(weight)) {
    matmul_f32({.a = input.values.data(),
                .a_stride = input.cols,
                .b = values,
                .b_stride = weight.cols,
                .c = output.data(),
                .c_stride = weight.rows,
                .m = input.rows,
                .n = weight.rows,
                .k = weight.cols,
                .order = execution.sum_order},
               execution.threads);
    return;
  }
  if (execution.compute == Compute::native && has_int8_kernels(*weight.format))
    matmul_int8(product, execution.threads);
  else
    matmul(product, execution.threads, best_isa(), execution.sum_order);
}

}  // namespace quantbench
