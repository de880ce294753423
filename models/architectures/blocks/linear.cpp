#include "models/architectures/blocks/linear.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "kernels/cpu/decode.h"

namespace quantbench {
namespace {

constexpr std::size_t panel_weights = std::size_t{1} << 20;

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
  MatmulF32 product{.a = input.values.data(),
                    .a_stride = input.cols,
                    .b_stride = weight.cols,
                    .c_stride = weight.rows,
                    .m = input.rows,
                    .k = weight.cols,
                    .order = execution.sum_order};
  if (const float* const values = in_place(weight)) {
    product.b = values;
    product.c = output.data();
    product.n = weight.rows;
    matmul_f32(product, execution.threads);
    return;
  }
  const std::size_t panel_rows = std::clamp<std::size_t>(panel_weights / weight.cols, 1, weight.rows);
  std::vector<float> panel(panel_rows * weight.cols);
  product.b = panel.data();
  for (std::size_t first = 0; first < weight.rows; first += panel_rows) {
    product.n = std::min(panel_rows, weight.rows - first);
    decode_rows(weight, first, product.n, std::span(panel).first(product.n * weight.cols), execution.threads);
    product.c = output.data() + first;
    matmul_f32(product, execution.threads);
  }
}

}  // namespace quantbench
